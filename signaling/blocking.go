package signaling

import (
	"context"
	"slices"
	"strings"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Blocking somebody (C15). The blocked one is not told, nor shown: a call rings
// nowhere and is not answered, a message is kept for its author alone, typing is
// dropped, and the one who blocked looks offline. Who has blocked somebody can
// neither call nor message them. Calls that are live and messages that are there
// stay as they are.

const (
	// maxBlocked bounds whom one user may block.
	maxBlocked = 10_000
	// blockNews is the event between nodes that says of a change; it is no event
	// of any client.
	blockNews = "\x01block"
)

// Block makes a user blocked by another; Unblock takes it back. Both may be asked
// for again.
func (sw *Switchboard) Block(ctx context.Context, user, other string) error {
	return sw.setBlock(ctx, nil, user, other, true)
}

// Unblock is the other way round.
func (sw *Switchboard) Unblock(ctx context.Context, user, other string) error {
	return sw.setBlock(ctx, nil, user, other, false)
}

// Blocked lists whom a user has blocked, sorted.
func (sw *Switchboard) Blocked(ctx context.Context, user string) ([]string, error) {
	if sw.chat == nil {
		return nil, errNoChat
	}
	list, err := sw.chat.Blocked(ctx, user)
	return list, sw.chatProblem(err)
}

// HiddenFrom returns who looks offline to a user: those who have blocked it. The
// set must not be changed.
func (sw *Switchboard) HiddenFrom(ctx context.Context, user string) (map[string]struct{}, error) {
	sets, err := sw.blockSetsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	return sets.by, nil
}

func (sw *Switchboard) setBlock(ctx context.Context, by *Session, user, other string, on bool) error {
	switch {
	case sw.chat == nil:
		return errNoChat
	case user == other:
		return errBlockSelf
	}
	list, err := sw.chat.Blocked(ctx, user)
	if err != nil {
		return sw.chatProblem(err)
	}
	if _, is := slices.BinarySearch(list, other); is == on {
		sw.noteBlock(user, other, on) // this node may not have heard of it
		return nil
	}
	if on && len(list) >= maxBlocked {
		return errManyBlocked
	}
	change := sw.chat.Unblock
	if on {
		change = sw.chat.Block
	}
	if err := change(ctx, user, other); err != nil {
		return sw.chatProblem(err)
	}
	sw.tellBlock(by, user, other, on)
	return nil
}

// tellBlock lets all nodes that one of the two is on know, this one first, and the
// other devices of who did it.
func (sw *Switchboard) tellBlock(by *Session, user, other string, on bool) {
	ctx := context.Background()
	sw.heardBlock(user, user, other, on)
	sw.heardBlock(other, user, other, on)
	args := encodeBlock(user, other, on)
	for _, u := range [...]string{user, other} {
		if sw.shared {
			sw.castMust(ctx, &eventEnvelope{user: u, event: blockNews, args: args})
		}
	}
	o := newObject(nil)
	o.str("userId", other)
	o.bool("blocked", on)
	ev := eventOf(wire.UserBlocked, o.end())
	sw.inTurnOf(ctx, func(ctx context.Context, t *turn) { sw.tellUser(ctx, t, "", user, ev, extendedDevices, by) })
}

func encodeBlock(user, other string, on bool) []byte {
	b := append(appendStringList(nil, []string{user, other}), 0)
	if on {
		b[len(b)-1] = 1
	}
	return b
}

func decodeBlock(b []byte) (user, other string, on, ok bool) {
	list, rest, ok := cutStringList(b, 2)
	if !ok || len(list) != 2 || len(rest) != 1 {
		return "", "", false, false
	}
	return list[0], list[1], rest[0] == 1, true
}

// heardBlock takes a change for the sessions that one of the two has here. It does
// not wait for the store.
func (sw *Switchboard) heardBlock(whose, user, other string, on bool) {
	sw.noteBlock(user, other, on)
	here, peer := sw.hub.of(whose), user
	if whose == user {
		peer = other
	}
	if on && len(here) > 0 {
		// Who was seen to type stops; nothing more is passed on.
		t := sw.newTurn()
		for _, s := range here {
			if s.stopsTyping(peer) {
				sw.tellTyping(t, s, peer, wire.UserStopTyping)
			}
		}
		t.end()
	}
	if whose == other && len(here) > 0 {
		sw.soon(func() { sw.showBlock(user, other, on) })
	}
}

// showBlock shows the sessions of who was blocked, or is no more, how the other
// one looks now.
func (sw *Switchboard) showBlock(user, other string, on bool) {
	ctx := context.Background()
	states, err := sw.store.States(ctx, []string{user})
	if err != nil {
		sw.log.Warn("presence is not to be had", "user", user, "error", err)
		return
	}
	st := states[0]
	if !st.Online {
		return // it looks as before
	}
	if on {
		st = presence.State{User: user, LastSeen: sw.now()}
	}
	t := sw.newTurn()
	defer t.end()
	ev := droppable(wire.PresenceUpdate, appendState(nil, st))
	for _, s := range sw.hub.of(other) {
		if s.hiddenFrom(user) != on {
			continue // there is other news already
		}
		s.mu.Lock()
		watches := s.watching[user]
		s.mu.Unlock()
		if watches {
			s.send(t, ev)
		}
		sw.online.again(ctx, t, s)
	}
}

// asShown is a user's state as the session may know it.
func (s *Session) asShown(st presence.State) presence.State {
	if s.hiddenFrom(st.User) {
		return presence.State{User: st.User}
	}
	return st
}

// shown leaves those out who look offline to the session, in place.
func (s *Session) shown(users []string) []string {
	by := s.blockSets().by
	if len(by) == 0 {
		return users
	}
	return slices.DeleteFunc(users, func(u string) bool { _, hidden := by[u]; return hidden })
}

// unlessBlocked lets nobody change a message of somebody whom they have blocked,
// or who has blocked them: it would be another way to say something. What the
// other one never sees may change.
func (sw *Switchboard) unlessBlocked(ctx context.Context, user string, rule chat.Change) (chat.Change, error) {
	sets, err := sw.blockSetsOf(ctx, user)
	if err != nil || sets == noBlocks {
		return rule, err
	}
	return func(m *chat.Message) (bool, error) {
		peer := m.Peer(user)
		blocked, by := sets.between(peer)
		switch {
		case !m.Party(user) || m.HiddenFrom(peer):
		case blocked:
			return false, errBlocked
		case by:
			return false, errNotChangeable
		}
		return rule(m)
	}, nil
}

func (sw *Switchboard) onUserBlock(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	return sw.blockFor(ctx, s, args, true)
}

func (sw *Switchboard) onUserUnblock(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	return sw.blockFor(ctx, s, args, false)
}

func (sw *Switchboard) blockFor(ctx context.Context, s *Session, args [][]byte, on bool) ([]byte, telling, error) {
	p, err := wire.DecodeUserBlock(args)
	if err != nil {
		return nil, nil, err
	}
	return []byte("{}"), nil, sw.setBlock(ctx, s, s.user, p.UserID, on)
}

func (sw *Switchboard) onUserBlocks(ctx context.Context, s *Session, _ [][]byte) ([]byte, telling, error) {
	list, err := sw.Blocked(ctx, s.user)
	if err != nil {
		return nil, nil, err
	}
	o := newObject(nil)
	o.raw("users", appendStrings(nil, list))
	return o.end(), nil, nil
}

// screened names the other party of a call that its callee does not want to hear
// of: a user that nobody can be, so that it rings nowhere and makes nobody busy
// but its caller. called is who it was meant for.
func screened(caller, callee string) string { return "\x01" + caller + "\x01" + callee }

func isScreened(callee string) bool { return strings.HasPrefix(callee, "\x01") }

func called(user string) string {
	if isScreened(user) {
		return user[strings.LastIndexByte(user, 1)+1:]
	}
	return user
}

package signaling

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// A client that lost its node's socket may come back to any node. The new one
// takes the session from the old one, with what the client has not got, and
// goes on with it as if it had been there always: same session id, same numbers
// of events, nobody hears of it. Which client may have which session is checked
// twice: the new node knows whose token was shown (I8), the old one knows the
// session's secret.

// Taken is what a node hands over.
type Taken struct {
	// Late: the client has missed more than is kept. The session is over, and
	// its client starts anew as the same device.
	Late bool
	// InUse: what the client showed is spent, and who came back with it is still
	// there. Nothing is handed over, and it names no device either (I8).
	InUse   bool
	Luggage Luggage
	// State is the dialect's part.
	State []byte
}

// Luggage is what a session keeps for its client besides what is in its calls.
type Luggage struct {
	Watching []string // presence:watch
	Partners []string // whom it had to do with, the latest last

	had func() // marks what it was given while it was away: its client has it now
}

// errNotHere answers the question for a session that the node does not have.
var errNotHere = errors.New("signaling: no such session")

// OnTake registers how a dialect hands over a session that another node asks
// for; nil: there is none that the client may have.
func (sw *Switchboard) OnTake(what Question, f func(to presence.Peer, user string, ask []byte) *Taken) {
	sw.Answer(what, func(from presence.Peer, body []byte) ([]byte, error) {
		user, ask, ok := cutString(body)
		if !ok {
			return nil, fmt.Errorf("%w: a question that can not be read", ErrRefused)
		}
		got := f(from, user, ask)
		if got == nil {
			return nil, errNotHere
		}
		if had := got.Luggage.had; had != nil && !got.Late && !got.InUse {
			had()
		}
		return got.encode(), nil
	})
}

// Take asks for the session of a client that has shown a token of the user. The
// node is found by the tag of what the client showed; or, if the session has
// moved since, by where it went from there, and by its device. nil: nobody has
// it.
func (sw *Switchboard) Take(ctx context.Context, what Question, user, device, tag string, ask []byte) *Taken {
	if !sw.shared {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	// From now on: what the other node forwards must not come before the session.
	sw.expect(user, device)
	body := append(appendString(make([]byte, 0, len(user)+len(ask)+2), user), ask...)
	tr := trail{sw: sw}
	tr.add(sw.peerOf(tag))
	tr.add(sw.tombOf(user, device))
	tr.add(sw.nodeOfDevice(ctx, user, device))
	got, ok := tr.ask(ctx, what, user, device, body)
	if !ok { // it may have arrived somewhere while others were asked
		tr.add(sw.nodeOfDevice(ctx, user, device))
		got, ok = tr.ask(ctx, what, user, device, body)
	}
	if !ok || got.InUse { // nothing comes
		sw.arrivedHere(user, device)
	} else if !sw.comes(user, device, false) {
		got = &Taken{Late: true}
	}
	return got
}

// nodeOfDevice is the other node that has a session of the device.
func (sw *Switchboard) nodeOfDevice(ctx context.Context, user, device string) (presence.Peer, bool) {
	list, err := sw.store.Routes(ctx, user)
	if err != nil {
		return presence.Peer{}, false
	}
	for i := range list {
		if list[i].Device == device && !sw.mine(&list[i]) {
			return list[i].Owner(), true
		}
	}
	return presence.Peer{}, false
}

// Moved says that another node takes the session over: it goes on there, and
// nobody hears of it, but those to whom it was seen typing (M4). It returns what
// has to go with it; false: the session is over already.
//
// What is sent to the session from now on is forwarded; what still reaches its
// link is to be given to Stray.
func (s *Session) Moved(to presence.Peer) (Luggage, bool) {
	ctx, sw := context.Background(), s.sw
	t := sw.newTurn()
	defer t.end()
	s.shift.Lock() // its calls hear that it is away before they hear that it is there
	defer s.shift.Unlock()
	s.mu.Lock()
	if s.state == closed {
		s.mu.Unlock()
		return Luggage{}, false
	}
	s.state, s.moved = closed, true
	l := Luggage{Watching: slices.Collect(maps.Keys(s.watching)), Partners: slices.Clone(s.partners), had: s.gotAll}
	s.mu.Unlock()

	sw.moved(s, to)
	s.release(ctx, t)
	s.letGo(t)
	// Its entry stays, so that there is a way to it at any time, until the
	// other node has it. Nobody waits for that: if that node is quicker, the entry
	// is its own already, and this changes nothing.
	sw.soon(func() {
		if err := sw.store.Suspend(ctx, s.user, s.id); err != nil {
			sw.log.Warn("presence was not told of a session that moves", "session", s.id, "user", s.user, "error", err)
		}
	})
	d := &departed{s: s}
	sw.wheel.Schedule(&d.timer, tombKeep, d)
	return l, true
}

// Abandoned says that a session which was Moved does not go on: its client
// starts anew where it is.
func (s *Session) Abandoned() {
	if err := s.sw.store.Remove(context.Background(), s.user, s.id, presence.Vanished); err != nil {
		s.sw.log.Warn("presence kept a session that is over", "session", s.id, "user", s.user, "error", err)
	}
}

// departed takes the entry of a session away that has moved, in case that it
// never arrived. One that is back by now has the entry for its own.
type departed struct {
	s     *Session
	timer wheel.Timer
}

func (d *departed) Expire() {
	if s := d.s; s.sw.hub.session(s.user, s.id) == nil {
		s.sw.soon(s.Abandoned)
	}
}

func (s *Session) movedAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// Stray passes on what was queued for a session that was leaving in this moment.
// Who is online it has been told anew where it is by then.
func (s *Session) Stray(ev *wire.Event) {
	if ev.Name == wire.GetOnlineUsers || ev.Name == wire.PresenceUpdate || !s.movedAway() {
		return
	}
	e := eventEnvelope{user: s.user, device: s.device, event: ev.Name, args: ev.Args}
	if ev.Lane == wire.Droppable {
		e.flags |= flagDroppable
	}
	s.sw.forwardEvent(&e)
}

// arrives reports, once, that the session came from another node.
func (s *Session) arrives() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.arriving
	s.arriving = false
	return was
}

// watchAgain takes up what a session watched before it was lost, here or on the
// node that it came from, and returns how that is now: what changed meanwhile was
// not told.
func (s *Session) watchAgain(ctx context.Context, users []string) []presence.State {
	if len(users) == 0 {
		return nil
	}
	states, err := s.sw.watchFor(ctx, s, users)
	if err != nil {
		s.sw.log.Warn("watches did not move with a session", "session", s.id, "user", s.user, "error", err)
	}
	return states
}

func (k *Taken) encode() []byte {
	b := make([]byte, 0, len(k.State)+64)
	switch {
	case k.InUse:
		return append(b, takenInUse)
	case k.Late:
		return append(b, takenLate)
	}
	b = append(b, takenWhole)
	b = appendStringList(b, k.Luggage.Watching)
	b = appendStringList(b, k.Luggage.Partners)
	return append(b, k.State...)
}

// The first byte of a hand-over.
const (
	takenWhole = iota
	takenLate
	takenInUse
)

var errTaken = errors.New("signaling: a hand-over can not be read")

func decodeTaken(b []byte) (*Taken, error) {
	if len(b) == 0 || b[0] > takenInUse {
		return nil, errTaken
	}
	if b[0] != takenWhole {
		return &Taken{Late: b[0] == takenLate, InUse: b[0] == takenInUse}, nil
	}
	k := &Taken{}
	var ok bool
	if k.Luggage.Watching, b, ok = cutStringList(b[1:], maxWatched); !ok {
		return nil, errTaken
	}
	if k.Luggage.Partners, b, ok = cutStringList(b, maxPartners); !ok {
		return nil, errTaken
	}
	k.State = b
	return k, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return "", nil, false
	}
	return string(b[w : w+int(n)]), b[w+int(n):], true
}

func appendStringList(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func cutStringList(b []byte, most int) (list []string, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(most) {
		return nil, nil, false
	}
	b = b[w:]
	for range n {
		var s string
		if s, b, ok = cutString(b); !ok {
			return nil, nil, false
		}
		list = append(list, s)
	}
	return list, b, true
}

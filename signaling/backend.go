package signaling

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// What back ends may do (M9), from any node. Whatever concerns the sessions of
// another node is asked of that node, so that the answer says what was done.

const (
	// EmitHere: send an event to the sessions of these users on your node, or to
	// all of them. The answer is how many sessions got it.
	EmitHere Question = 4
	// EndHere: end the sessions of a user on your node for good. The answer is
	// how many there were.
	EndHere Question = 5
	// EndMoved: end also those that went from my node to yours, and may not have
	// arrived yet.
	EndMoved Question = 6
)

// Reach says how many connected devices got something, by the name of their node.
type Reach struct {
	Devices int            `json:"devices"`
	Nodes   map[string]int `json:"nodes"`
}

func (r *Reach) add(node string, n int) {
	if n == 0 {
		return
	}
	if r.Nodes == nil {
		r.Nodes = map[string]int{}
	}
	r.Devices += n
	r.Nodes[node] += n
}

// DeviceState is one connection of a user, as back ends see it.
type DeviceState struct {
	Device   string `json:"device"`
	Session  string `json:"session"`
	Node     string `json:"node"`
	Extended bool   `json:"extended"`
	// Away: the connection was lost and may come back within the resume window.
	Away bool `json:"away"`
}

// UserCall is a live call of a user, as back ends see it.
type UserCall struct {
	ID    string `json:"callId"`
	State string `json:"state"`
	Role  string `json:"role"`
	Peer  string `json:"peer"`
}

// UserState is what a back end is told of a user.
type UserState struct {
	User     string        `json:"user"`
	Online   bool          `json:"online"`
	LastSeen *time.Time    `json:"lastSeen"` // null while connected, and for users never seen
	Devices  []DeviceState `json:"devices"`
	Calls    []UserCall    `json:"calls"`
}

// answerBackends serves the questions of other nodes.
func (sw *Switchboard) answerBackends() {
	sw.Answer(EmitHere, func(_ presence.Peer, body []byte) ([]byte, error) {
		users, ev, all, err := decodeEmit(body)
		if err != nil {
			return nil, err
		}
		return binary.AppendUvarint(nil, uint64(sw.emitHere(users, all, ev))), nil
	})
	sw.Answer(EndHere, func(_ presence.Peer, body []byte) ([]byte, error) {
		user, device, ok := cutString(body)
		if !ok {
			return nil, fmt.Errorf("%w: a question that can not be read", ErrRefused)
		}
		n := sw.endHere(user, string(device)) + sw.endMoved(context.Background(), user, string(device))
		return binary.AppendUvarint(nil, uint64(n)), nil
	})
	sw.Answer(EndMoved, func(_ presence.Peer, body []byte) ([]byte, error) {
		user, device, ok := cutString(body)
		if !ok {
			return nil, fmt.Errorf("%w: a question that can not be read", ErrRefused)
		}
		n := sw.endHere(user, string(device)) + sw.endComing(user, string(device))
		return binary.AppendUvarint(nil, uint64(n)), nil
	})
}

// EmitToUsers sends an event of a back end to every connected device of users.
// args are raw JSON, comma separated. Users who are not connected are left out.
func (sw *Switchboard) EmitToUsers(ctx context.Context, users []string, event string, args []byte) (Reach, error) {
	lists, err := sw.allElsewhere(ctx, users)
	if err != nil {
		return Reach{}, storeError(err)
	}
	by := map[presence.Peer][]string{}
	for i, u := range users {
		for j := range lists[i] {
			s := &lists[i][j]
			if sw.mine(s) {
				continue
			}
			if have := by[s.Owner()]; len(have) == 0 || have[len(have)-1] != u {
				by[s.Owner()] = append(have, u)
			}
		}
	}
	return sw.emit(ctx, users, by, false, event, args)
}

// lookUps is how many users one event has looked up at a time.
const lookUps = 128

// allElsewhere is elsewhere for many users, many at a time: what they ask of Redis
// goes there together.
func (sw *Switchboard) allElsewhere(ctx context.Context, users []string) ([][]presence.Session, error) {
	lists := make([][]presence.Session, len(users))
	if !sw.shared {
		return lists, nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(lookUps)
	for i, u := range users {
		g.Go(func() (err error) {
			lists[i], err = sw.elsewhere(ctx, u)
			return err
		})
	}
	return lists, g.Wait()
}

// EmitToAll sends an event of a back end to every connected device.
func (sw *Switchboard) EmitToAll(ctx context.Context, event string, args []byte) (Reach, error) {
	by := map[presence.Peer][]string{}
	if sw.shared {
		if sw.store.Degraded() != "" {
			return Reach{}, wire.Errorf(wire.CodeUnavailable, "")
		}
		for _, n := range sw.store.Nodes() {
			if n.Peer != *sw.self.Load() {
				by[n.Peer] = nil
			}
		}
	}
	return sw.emit(ctx, nil, by, true, event, args)
}

// emit asks the other nodes at the same time and sends here.
func (sw *Switchboard) emit(ctx context.Context, users []string, by map[presence.Peer][]string, all bool, event string, args []byte) (Reach, error) {
	ev := eventOf(event, args)
	ev.Shared = all || len(users) > 1
	type part struct {
		node string
		n    int
		err  error
	}
	parts := make(chan part, len(by))
	for peer, there := range by {
		body := encodeEmit(there, all, ev)
		go func() {
			answer, err := sw.askPeer(ctx, peer, EmitHere, body)
			n, k := binary.Uvarint(answer)
			if err == nil && k <= 0 {
				err = ErrRefused
			}
			parts <- part{peer.Name, int(n), err}
		}()
	}
	var reach Reach
	reach.add(sw.self.Load().Name, sw.emitHere(users, all, ev))
	var failed error
	for range by {
		p := <-parts
		if p.err != nil {
			sw.log.Warn("an event of a back end did not reach a node", "node", p.node, "event", event, "error", p.err)
			failed = wire.Errorf(wire.CodeUnavailable, "Not all nodes could be reached.")
			continue
		}
		reach.add(p.node, p.n)
	}
	return reach, failed
}

// emitHere sends to sessions of this node and counts those that are connected.
func (sw *Switchboard) emitHere(users []string, all bool, ev *wire.Event) (n int) {
	t := sw.newTurn()
	defer t.end()
	one := func(s *Session) {
		s.send(t, ev)
		if s.isLive() {
			n++
		}
	}
	if all {
		sw.hub.all(one)
		return n
	}
	for _, u := range users {
		for _, s := range sw.hub.of(u) {
			one(s)
		}
	}
	return n
}

func encodeEmit(users []string, all bool, ev *wire.Event) []byte {
	b := make([]byte, 0, 64+len(ev.Args)+32*len(users))
	b = append(b, 0)
	if all {
		b[0] = 1
	}
	b = binary.AppendUvarint(b, uint64(len(users)))
	for _, u := range users {
		b = appendString(b, u)
	}
	return append(appendString(b, ev.Name), ev.Args...)
}

func decodeEmit(b []byte) (users []string, ev *wire.Event, all bool, err error) {
	bad := fmt.Errorf("%w: a question that can not be read", ErrRefused)
	if len(b) < 2 || b[0] > 1 {
		return nil, nil, false, bad
	}
	all, b = b[0] == 1, b[1:]
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)) {
		return nil, nil, false, bad
	}
	b = b[k:]
	users = make([]string, n)
	for i := range users {
		var ok bool
		if users[i], b, ok = cutString(b); !ok {
			return nil, nil, false, bad
		}
	}
	name, args, ok := cutString(b)
	if !ok || name == "" {
		return nil, nil, false, bad
	}
	ev = eventOf(name, args)
	ev.Shared = all || n > 1
	return users, ev, all, nil
}

// Disconnect ends the sessions of a user, or of one device, for good: their calls
// end, and the clients are told to stay away.
func (sw *Switchboard) Disconnect(ctx context.Context, user, device string) (Reach, error) {
	list, err := sw.elsewhere(ctx, user)
	if err != nil {
		return Reach{}, storeError(err)
	}
	var reach Reach
	reach.add(sw.self.Load().Name, sw.endHere(user, device)+sw.endMoved(ctx, user, device))
	var asked peers
	for i := range list {
		if s := &list[i]; !sw.mine(s) && (device == "" || device == s.Device) {
			asked.add(s.Owner())
		}
	}
	var failed error
	for _, peer := range asked.list {
		answer, err := sw.askPeer(ctx, peer, EndHere, append(appendString(nil, user), device...))
		n, k := binary.Uvarint(answer)
		if err != nil || k <= 0 {
			sw.log.Warn("sessions could not be ended", "user", user, "node", peer.Name, "error", err)
			failed = wire.Errorf(wire.CodeUnavailable, "Not all nodes could be reached.")
			continue
		}
		reach.add(peer.Name, int(n))
	}
	return reach, failed
}

// endHere ends sessions of this node.
func (sw *Switchboard) endHere(user, device string) (n int) {
	for _, s := range sw.hub.of(user) {
		if device != "" && device != s.device {
			continue
		}
		n++
		s.end()
	}
	return n
}

// endMoved ends sessions that have left this node lately, where they have gone to:
// who asks may not have heard of that, nor have found them there yet.
func (sw *Switchboard) endMoved(ctx context.Context, user, device string) (n int) {
	for _, d := range sw.leftBehind(user) {
		to, ok := sw.whereTo(user, d, false)
		if !ok || device != "" && device != d {
			continue
		}
		answer, err := sw.askPeer(ctx, to, EndMoved, append(appendString(nil, user), d...))
		there, k := binary.Uvarint(answer)
		if err != nil || k <= 0 { // a node of an older release does not know
			sw.log.Debug("a session that has moved could not be ended", "user", user, "node", to.Name, "error", err)
			continue
		}
		n += int(there)
	}
	return n
}

// UserState tells where a user is connected and which calls the user is in.
func (sw *Switchboard) UserState(ctx context.Context, user string) (*UserState, error) {
	states, err := sw.store.States(ctx, []string{user})
	if err != nil {
		return nil, storeError(err)
	}
	u := &UserState{User: user, Online: states[0].Online, Devices: []DeviceState{}, Calls: []UserCall{}}
	if seen := states[0].LastSeen; !seen.IsZero() {
		seen = seen.UTC()
		u.LastSeen = &seen
	}
	self := sw.self.Load().Name
	for _, s := range sw.hub.of(user) {
		u.Devices = append(u.Devices, DeviceState{s.device, s.id, self, s.extended, !s.isLive()})
	}
	list, err := sw.elsewhere(ctx, user)
	if err != nil {
		return nil, storeError(err)
	}
	for i := range list {
		if s := &list[i]; !sw.mine(s) {
			u.Devices = append(u.Devices, DeviceState{s.Device, s.ID, s.Node, s.Extended, s.Away})
		}
	}
	calls, err := sw.liveCalls(ctx, user)
	if err != nil {
		return nil, storeError(err)
	}
	for _, c := range calls {
		role := c.RoleOf(user)
		u.Calls = append(u.Calls, UserCall{c.ID, c.State.String(), role.String(), called(c.Party(role.Other()).User)})
	}
	return u, nil
}

// EndCall ends a live call as its caller would: it is cancelled while it rings,
// else hung up. One that has ended stays as it is.
func (sw *Switchboard) EndCall(ctx context.Context, id string) error {
	c, err := sw.store.Load(ctx, id)
	if errors.Is(err, presence.ErrNotFound) {
		return wire.Errorf(wire.CodeNotFound, "")
	}
	if err != nil {
		return storeError(err)
	}
	if !c.Live() {
		return nil
	}
	t := sw.newTurn()
	defer t.end()
	p := c.Party(call.Caller)
	_, _, err = sw.step(ctx, t, id, call.End{Who: call.Who{User: p.User, Device: p.Device}})
	if errors.Is(err, call.ErrEnded) {
		return nil
	}
	return err
}

package signaling

import "github.com/tandem-rtc/tandem/signaling/wire"

// What programs that think in rooms of Socket.IO say to the sessions of this node
// (M9). Every node hears them by itself, so nothing is passed on here. A session
// is in two rooms: the one named as its user, and the one named as itself.

// Audience is who is meant: the sessions in any of Rooms, or all without any,
// but none that is in one of Except.
type Audience struct {
	Rooms, Except []string
}

// IndexSessions makes the sessions of this node be found by their ids, as rooms.
func (sw *Switchboard) IndexSessions() { sw.hub.index() }

// HasRoom reports whether a session of this node is in the room.
func (sw *Switchboard) HasRoom(name string) bool {
	return len(sw.hub.of(name)) > 0 || sw.hub.withID(name) != nil
}

// EmitToRooms sends an event to sessions of this node, once each, and counts
// those that are connected.
func (sw *Switchboard) EmitToRooms(to Audience, ev *wire.Event) (n int) {
	t := sw.newTurn()
	defer t.end()
	sw.audience(to, func(s *Session) {
		s.send(t, ev)
		if s.isLive() {
			n++
		}
	})
	return n
}

// EndRooms ends sessions of this node for good, and counts them.
func (sw *Switchboard) EndRooms(to Audience) (n int) {
	sw.audience(to, func(s *Session) {
		n++
		s.Closed(true) // also one that is away
		s.link.Close(wire.CloseDisconnected)
	})
	return n
}

// audience calls f once for each session of this node that is meant.
func (sw *Switchboard) audience(to Audience, f func(*Session)) {
	var done map[*Session]struct{} // those that are not to be called any more
	out := func(s *Session) {
		if done == nil {
			done = map[*Session]struct{}{}
		}
		done[s] = struct{}{}
	}
	for _, room := range to.Except {
		sw.inRoom(room, out)
	}
	one := func(s *Session) {
		if _, is := done[s]; is {
			return
		}
		if len(to.Rooms) > 1 {
			out(s)
		}
		f(s)
	}
	if len(to.Rooms) == 0 {
		sw.hub.all(one)
		return
	}
	for _, room := range to.Rooms {
		sw.inRoom(room, one)
	}
}

func (sw *Switchboard) inRoom(room string, f func(*Session)) {
	for _, s := range sw.hub.of(room) {
		f(s)
	}
	if s := sw.hub.withID(room); s != nil && s.user != room {
		f(s)
	}
}

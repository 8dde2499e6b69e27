package socketio

import "slices"

// Join puts the socket into rooms. A socket that is gone joins nothing.
func (s *Socket) Join(rooms ...string) {
	n := s.nsp
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.removed {
		return
	}
	for _, room := range rooms {
		if slices.Contains(s.rooms, room) {
			continue
		}
		s.rooms = append(s.rooms, room)
		members := n.rooms[room]
		if members == nil {
			members = make(map[*Socket]struct{}, 1)
			n.rooms[room] = members
		}
		members[s] = struct{}{}
	}
}

// Leave takes the socket out of rooms.
func (s *Socket) Leave(rooms ...string) {
	n := s.nsp
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, room := range rooms {
		if i := slices.Index(s.rooms, room); i >= 0 {
			s.rooms = slices.Delete(s.rooms, i, i+1)
			n.leaveLocked(s, room)
		}
	}
}

// Rooms the socket is in, the one of its own id not among them.
func (s *Socket) Rooms() []string {
	s.nsp.mu.RLock()
	defer s.nsp.mu.RUnlock()
	return slices.Clone(s.rooms)
}

// In reports whether the socket is in a room.
func (s *Socket) In(room string) bool {
	s.nsp.mu.RLock()
	defer s.nsp.mu.RUnlock()
	return slices.Contains(s.rooms, room)
}

// To addresses the other sockets in any of the rooms.
func (s *Socket) To(rooms ...string) *Broadcast {
	return &Broadcast{nsp: s.nsp, rooms: rooms, not: s}
}

// Broadcast addresses all other sockets of the namespace.
func (s *Socket) Broadcast() *Broadcast { return s.To() }

func (n *Namespace) leaveLocked(s *Socket, room string) {
	members := n.rooms[room]
	delete(members, s)
	if len(members) == 0 {
		delete(n.rooms, room)
	}
}

// Broadcast is a set of receivers.
type Broadcast struct {
	nsp    *Namespace
	rooms  []string
	except []string
	not    *Socket
}

// To adds rooms.
func (b *Broadcast) To(rooms ...string) *Broadcast {
	c := *b
	c.rooms = append(slices.Clip(c.rooms), rooms...)
	return &c
}

// Except takes out the sockets in any of the rooms.
func (b *Broadcast) Except(rooms ...string) *Broadcast {
	c := *b
	c.except = append(slices.Clip(c.except), rooms...)
	return &c
}

// Emit sends an event, encoded once, to all receivers.
func (b *Broadcast) Emit(event string, args ...any) error {
	m, err := Encode(event, args...)
	if err != nil {
		return err
	}
	b.Send(MustArrive, m)
	return nil
}

// EmitVolatile is Emit in the Droppable lane.
func (b *Broadcast) EmitVolatile(event string, args ...any) error {
	m, err := Encode(event, args...)
	if err != nil {
		return err
	}
	b.Send(Droppable, m)
	return nil
}

// Send sends a message to all receivers and flushes.
func (b *Broadcast) Send(lane Lane, m *Message) {
	for _, s := range b.Sockets() {
		if s.Send(lane, m) {
			s.Flush()
		}
	}
}

// Sockets returns the receivers, each once.
func (b *Broadcast) Sockets() []*Socket {
	n := b.nsp
	n.mu.RLock()
	defer n.mu.RUnlock()
	var out []*Socket
	take := func(s *Socket) {
		if s == b.not || slices.Contains(b.except, s.id) {
			return
		}
		for _, room := range b.except {
			if _, in := n.rooms[room][s]; in {
				return
			}
		}
		out = append(out, s)
	}
	if len(b.rooms) == 0 {
		for _, s := range n.sockets {
			take(s)
		}
		return out
	}
	var seen map[*Socket]struct{}
	if len(b.rooms) > 1 {
		seen = make(map[*Socket]struct{})
	}
	for _, room := range b.rooms {
		members := n.rooms[room]
		for s := range members {
			takeOnce(seen, s, take)
		}
		if own := n.sockets[room]; own != nil {
			if _, in := members[own]; !in {
				takeOnce(seen, own, take)
			}
		}
	}
	return out
}

func takeOnce(seen map[*Socket]struct{}, s *Socket, take func(*Socket)) {
	if seen != nil {
		if _, again := seen[s]; again {
			return
		}
		seen[s] = struct{}{}
	}
	take(s)
}

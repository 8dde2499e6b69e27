package socketio

// listeners are the callbacks of one socket. They are replaced as a whole.
type listeners struct {
	events     []listener
	any        []func(*Event)
	packet     func(*Event)
	idle       func()
	away       []func(Reason, int)
	back       []func()
	disconnect []func(Reason)
}

type listener struct {
	event string
	f     func(*Event)
}

var nobody listeners

// heard returns the socket's listeners; never nil, not to be changed.
func (s *Socket) heard() *listeners {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on == nil {
		return &nobody
	}
	return s.on
}

func (s *Socket) listen(change func(*listeners)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := listeners{}
	if s.on != nil {
		next = *s.on
	}
	change(&next)
	s.on = &next
}

// add appends to a slice that readers may hold.
func add[T any](list []T, v T) []T { return append(list[:len(list):len(list)], v) }

// On calls f for every event of that name, in the order of registration.
func (s *Socket) On(event string, f func(*Event)) {
	s.listen(func(l *listeners) { l.events = add(l.events, listener{event, f}) })
}

// OnAny calls f for every event, before the listeners of On.
func (s *Socket) OnAny(f func(*Event)) {
	s.listen(func(l *listeners) { l.any = add(l.any, f) })
}

// OnPacket hands every event to f instead of any other listener.
func (s *Socket) OnPacket(f func(*Event)) {
	s.listen(func(l *listeners) { l.packet = f })
}

// OnIdle calls f when everything that had arrived has been handed over.
func (s *Socket) OnIdle(f func()) {
	s.listen(func(l *listeners) { l.idle = f })
}

// OnAway calls f when the transport is gone but the client may come back, with
// the code of engine.Close.
func (s *Socket) OnAway(f func(reason Reason, code int)) {
	s.listen(func(l *listeners) { l.away = add(l.away, f) })
}

// OnBack calls f when the client came back: after the packets it missed were
// queued. It also comes, without an OnAway before it, if the client came back
// before its old transport was known to be gone.
func (s *Socket) OnBack(f func()) {
	s.listen(func(l *listeners) { l.back = add(l.back, f) })
}

// OnDisconnect calls f when the socket is gone for good, exactly once. It runs
// on the goroutine that ended the socket.
func (s *Socket) OnDisconnect(f func(Reason)) {
	s.listen(func(l *listeners) { l.disconnect = add(l.disconnect, f) })
}

// dispatch hands an event to whoever wants it.
func (s *Socket) dispatch(e *Event) {
	if f := s.nsp.hooks().Packet; f != nil && f(s, e) {
		return
	}
	on := s.heard()
	if on.packet != nil {
		on.packet(e)
		return
	}
	for _, f := range on.any {
		f(e)
	}
	for i := range on.events {
		if on.events[i].event == string(e.Name) {
			on.events[i].f(e)
		}
	}
}

package signaling

import (
	"context"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// maxTypists bounds to how many people at once one session is seen typing. Who
// starts a further one stops the oldest.
const maxTypists = 8

// A typist is "s types to peer", until it is stopped or expires (M4).
type typist struct {
	s     *Session
	peer  string
	timer wheel.Timer
	until int64 // UnixNano; guarded by s.mu
}

func (sw *Switchboard) onTyping(_ context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeTyping(args)
	if err != nil {
		return nil, err
	}
	if s.strangers(p.ReceiverID) {
		return nil, nil
	}
	s.types(t, p.ReceiverID)
	sw.tellTyping(t, s, p.ReceiverID, wire.UserTyping)
	return nil, nil
}

func (sw *Switchboard) onStopTyping(_ context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeTyping(args)
	if err != nil {
		return nil, err
	}
	if s.strangers(p.ReceiverID) {
		return nil, nil
	}
	s.stopsTyping(p.ReceiverID)
	sw.tellTyping(t, s, p.ReceiverID, wire.UserStopTyping)
	return nil, nil
}

// tellTyping relays a typing event to every device of the peer. The sender is
// who the session says it is, whatever senderId says (I1).
func (sw *Switchboard) tellTyping(t *turn, s *Session, peer, event string) {
	to := sw.hub.of(peer)
	if len(to) == 0 && !sw.shared {
		return
	}
	ev := droppable(event, rawjson.AppendString(make([]byte, 0, len(s.user)+2), s.user))
	for _, r := range to {
		r.send(t, ev)
	}
	_ = sw.toOthers(context.Background(), to, s.user, peer, "", ev) // best effort
}

// types starts or prolongs an indicator. The timer is only started; when it
// fires early it looks at until and waits on: a key press costs no timer.
func (s *Session) types(t *turn, peer string) {
	until := t.now.Add(s.sw.cfg.TypingExpiry).UnixNano()
	s.mu.Lock()
	for _, ty := range s.typing {
		if ty.peer == peer {
			ty.until = until
			s.mu.Unlock()
			return
		}
	}
	var oldest *typist
	if len(s.typing) >= maxTypists {
		oldest = s.typing[0]
		s.typing = append(s.typing[:0], s.typing[1:]...)
	}
	ty := &typist{s: s, peer: peer, until: until}
	s.typing = append(s.typing, ty)
	s.mu.Unlock()
	s.sw.meet(s, peer)
	s.sw.wheel.Schedule(&ty.timer, s.sw.cfg.TypingExpiry, ty)
	if oldest != nil {
		s.sw.wheel.Stop(&oldest.timer)
		s.sw.tellTyping(t, s, oldest.peer, wire.UserStopTyping)
	}
}

// stopsTyping ends an indicator and reports whether there was one.
func (s *Session) stopsTyping(peer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, ty := range s.typing {
		if ty.peer == peer {
			s.sw.wheel.Stop(&ty.timer)
			s.typing = append(s.typing[:i], s.typing[i+1:]...)
			if len(s.typing) == 0 {
				s.typing = nil
			}
			return true
		}
	}
	return false
}

// stopAllTyping ends the indicators of a session that went.
func (s *Session) stopAllTyping(t *turn) {
	s.mu.Lock()
	all := s.typing
	s.typing = nil
	s.mu.Unlock()
	for _, ty := range all {
		s.sw.wheel.Stop(&ty.timer)
		s.sw.tellTyping(t, s, ty.peer, wire.UserStopTyping)
	}
}

// Expire ends the indicator if no key was pressed meanwhile.
func (ty *typist) Expire() {
	s := ty.s
	t := s.sw.newTurn()
	defer t.end()
	s.mu.Lock()
	for i, other := range s.typing {
		if other != ty {
			continue
		}
		if left := ty.until - t.now.UnixNano(); left > 0 {
			s.mu.Unlock()
			s.sw.wheel.Schedule(&ty.timer, time.Duration(left), ty)
			return
		}
		s.typing = append(s.typing[:i], s.typing[i+1:]...)
		s.mu.Unlock()
		s.sw.tellTyping(t, s, ty.peer, wire.UserStopTyping)
		return
	}
	s.mu.Unlock()
}

package socketio

import (
	"bytes"
	"strconv"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// recovery is what a socket needs to be recovered: its secret, and the packets
// its client may not have seen.
//
// Packets of the MustArrive lane are numbered from 1; the number is the offset
// that the client learns as their last argument. A packet is kept until the
// client has answered a ping that was queued behind it: transports keep order,
// so it has it then. In a quiet socket nothing is kept.
type recovery struct {
	pid   string
	timer wheel.Timer // while away
	limit *Recovery

	// Guarded by the socket's mu.
	kept  []kept
	base  uint64 // number of the last packet that is no longer kept
	bytes int
	away  engine.Close // how the transport went
	trips uint32       // times it was away
	text  [16]byte     // for offset

	// Written with the socket's mu held, read by the heartbeat.
	seq    atomic.Uint64 // number of the newest packet
	queued atomic.Uint64 // newest that has been queued in the transport
	pinged atomic.Uint64 // newest that was queued before the last ping
}

// kept is a packet for resending; all of it immutable.
type kept struct {
	name, args  []byte
	attachments [][]byte
	message     *Message
}

func (k *kept) size() int {
	n := len(k.name) + len(k.args) + 64
	for _, a := range k.attachments {
		n += len(a)
	}
	return n
}

// keep numbers a packet and stores it, copied unless it is a shared message or
// its arguments were handed over. What is oldest goes if it is too much.
func (r *recovery) keep(p *packet) uint64 {
	k := kept{attachments: p.attachments, message: p.message}
	switch {
	case p.message != nil:
		k.name, k.args = p.message.name, p.message.args
	case p.owned:
		k.name, k.args = bytes.Clone(p.name), p.args
	default:
		n := len(p.name)
		b := make([]byte, n+len(p.args))
		copy(b[copy(b, p.name):], p.args)
		k.name, k.args = b[:n:n], b[n:]
	}
	r.kept = append(r.kept, k)
	r.bytes += k.size()
	n := 0
	for n < len(r.kept) && (r.bytes > r.limit.MaxBytes || len(r.kept)-n > r.limit.MaxPackets) {
		r.bytes -= r.kept[n].size()
		n++
	}
	r.forget(n)
	return r.seq.Add(1)
}

// offset writes a number as it stands behind the last argument; valid until the
// next call.
func (r *recovery) offset(seq uint64) []byte {
	b := strconv.AppendUint(append(r.text[:0], '"'), seq, 36)
	return append(b, '"')
}

// forget drops the n oldest packets, whose bytes have been subtracted.
func (r *recovery) forget(n int) {
	if n == 0 {
		return
	}
	r.base += uint64(n)
	if n == len(r.kept) {
		r.kept = nil
		return
	}
	clear(r.kept[:n])
	r.kept = r.kept[n:] // append moves them to a new array once in a while
}

// confirm drops what the client has: everything up to number seq.
func (r *recovery) confirm(seq uint64) {
	n := 0
	for n < len(r.kept) && r.base+uint64(n) < seq {
		r.bytes -= r.kept[n].size()
		n++
	}
	r.forget(n)
}

// since returns the packets after an offset as the client gave it; no offset
// means that it has seen none. False: they are not all there any more, or the
// offset was never given out.
func (r *recovery) since(offset string, given bool) ([]kept, uint64, bool) {
	seq := uint64(0)
	if given {
		n, err := strconv.ParseUint(offset, 36, 64)
		if err != nil {
			return nil, 0, false
		}
		seq = n
	}
	if seq < r.base || seq > r.seq.Load() {
		return nil, 0, false
	}
	return r.kept[seq-r.base:], seq, true
}

// resend queues packets that come after number seq; the socket's mu is held.
func (r *recovery) resend(c *client, n *Namespace, missed []kept, seq uint64) {
	for i := range missed {
		k := &missed[i]
		seq++
		p := packet{name: k.name, args: k.args, attachments: k.attachments, message: k.message}
		c.sendEvent(MustArrive, n, &p, r.offset(seq))
	}
	r.queued.Store(seq)
}

func (r *recovery) drop() { r.kept, r.bytes = nil, 0 }

// recoverable reports whether a client whose transport ended like this may come
// back as the same socket.
func (s *Socket) recoverable(reason Reason, cl engine.Close) bool {
	if s.rec == nil {
		return false
	}
	switch reason {
	case ReasonTransportClose:
		clean := cl.Code == engine.CodeNormal || cl.Code == engine.CodeGoingAway
		f := s.rec.limit.CleanClose
		return !clean || f == nil || !f(s, cl.Code)
	case ReasonTransportError, ReasonPingTimeout, ReasonServerClose, ReasonSlow:
		return true
	}
	return false
}

// lost is called when the transport c has ended.
func (s *Socket) lost(c *client, reason Reason, cl engine.Close) {
	if !s.recoverable(reason, cl) {
		s.endIf(func() bool { return s.client.Load() == c }, reason, cl)
		return
	}
	s.life.Lock()
	defer s.life.Unlock()
	s.mu.Lock()
	if s.client.Load() != c {
		s.mu.Unlock()
		return
	}
	s.state = away
	s.client.Store(nil)
	s.rec.away = cl
	s.rec.trips++
	waiting := s.takeAcksLocked()
	srv := s.nsp.srv
	srv.wheel.Schedule(&s.rec.timer, s.rec.limit.Window, (*windowEnd)(s))
	s.mu.Unlock()

	waiting.fail(s, ErrDisconnected)
	if f := s.nsp.hooks().Away; f != nil {
		s.guard(func() { f(s, reason, cl.Code) })
	}
	for _, f := range s.heard().away {
		s.guard(func() { f(reason, cl.Code) })
	}
}

// windowEnd is a Socket whose client has not come back in time.
type windowEnd Socket

// Expire ends the socket, on a goroutine of its own: the application is called.
func (w *windowEnd) Expire() {
	s := (*Socket)(w)
	s.mu.Lock()
	trips, cl := s.rec.trips, s.rec.away
	s.mu.Unlock()
	s.nsp.srv.spawn(func() {
		s.life.Lock()   // OnAway has returned
		s.life.Unlock() //nolint:staticcheck // it is only waited for
		s.endIf(func() bool { return s.state == away && s.rec.trips == trips }, reasonOf(cl.Reason), cl)
	})
}

// takeOver makes c the transport of a session that exists, if the client's
// offset allows it, and queues what the client missed. tooLate: it does not.
func (s *Socket) takeOver(c *client, fresh *Socket, offset string, given bool) (ok, tooLate bool) {
	pid := s.pidText()
	s.life.Lock()
	defer s.life.Unlock()
	s.mu.Lock()
	if s.state != away && s.state != connected {
		s.mu.Unlock()
		return false, false
	}
	missed, seq, ok := s.rec.since(offset, given)
	if !ok {
		s.mu.Unlock()
		return false, true
	}
	before := s.client.Load()
	waiting := s.takeAcksLocked()
	s.nsp.srv.wheel.Stop(&s.rec.timer)
	s.state, s.hs, s.recovered = connected, fresh.hs, true
	s.client.Store(c)
	s.rec.pinged.Store(0)
	c.put(s)
	c.sendConnect(s, pid)
	s.rec.resend(c, s.nsp, missed, seq)
	s.mu.Unlock()

	if before != nil {
		before.es.Abort()
	}
	waiting.fail(s, ErrDisconnected)
	if f := s.nsp.hooks().Back; f != nil {
		s.guard(func() { f(s) })
	}
	for _, f := range s.heard().back {
		s.guard(f)
	}
	return true, false
}

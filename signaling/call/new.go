package call

import (
	"bytes"
	"time"
)

// New makes a call that rings. For a callee who is offline and may not be
// woken (C5) it is a call that has ended already, as by Refuse: check State
// before claiming anybody.
func New(cfg Config, r Ring, now time.Time) (Call, []Effect) {
	if r.Offline && cfg.OfflineRing <= 0 {
		return Refuse(r, Offline, now)
	}
	s := step{c: begin(r, now), now: StampOf(now)}
	c := &s.c
	c.State = Ringing
	c.Offline, c.Cold = r.Offline, len(r.Devices) == 0
	c.Waiting = r.Waiting
	ring := cfg.RingTimeout
	if r.RingFor > 0 && r.RingFor < ring {
		ring = max(r.RingFor, time.Millisecond)
	}
	c.Limits = Limits{Ring: ring.Milliseconds(), Window: cfg.ResumeWindow.Milliseconds(), Keep: cfg.KeepSignals, Bytes: cfg.KeepBytes}
	if r.Offline {
		c.RingUntil = s.now.add(cfg.OfflineRing)
	} else {
		c.RingUntil = s.now + Stamp(c.Limits.Ring)
	}
	first := Kept{Kind: KeptSignal, From: r.Caller.Device, Hash: r.Signal.Hash, Signal: bytes.Clone(raw(r.Signal))}
	c.Offers = []Kept{first}
	if first.Hash != 0 {
		c.Callee.Seen = hashes{first.Hash}
	}
	s.reserve(4)
	if !r.Offline {
		s.emit(Effect{Kind: EffectIncoming, To: everyone(r.Callee), Signal: first.Signal, By: r.Caller.Device, Role: Caller})
	}
	s.state()
	if len(r.Devices) > 0 {
		s.delivered(r.Devices)
	}
	out, fx, _ := s.done(nil)
	return out, fx
}

// Refuse makes a call that never rang and has ended with that reason (busy,
// offline, forbidden, no_answer for a blocked caller): the asking device, and
// only it, is told (C4), and the log gets its record (C14). Nobody is claimed.
func Refuse(r Ring, why Reason, now time.Time) (Call, []Effect) {
	s := step{c: begin(r, now), now: StampOf(now)}
	s.c.State, s.c.Reason, s.c.EndAt = Ended, why, s.now
	s.c.Offline, s.c.Cold = why == Offline, why == Offline
	s.reserve(2)
	s.emit(Effect{Kind: EffectUnavailable, To: device(r.Caller.User, r.Caller.Device), Reason: why})
	s.emit(Effect{Kind: EffectLog})
	out, fx, _ := s.done(nil)
	return out, fx
}

func begin(r Ring, now time.Time) Call {
	return Call{
		ID: r.ID, ClientID: r.ClientID, Info: r.Info, Started: StampOf(now),
		Caller: Party{User: r.Caller.User, Device: r.Caller.Device, Session: r.Caller.Session, Extended: r.Caller.Extended, SDP: r.Signal.Session},
		Callee: Party{User: r.Callee},
	}
}

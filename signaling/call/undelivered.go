package call

import (
	"bytes"
	"slices"
)

// undelivered takes back what was given to a node that died before it confirmed
// (C13): a signal inside the answered call, or the answer itself. Whether the
// device had it is not known; that it had not is likely by far, because a node
// is dead for seconds before anybody can tell. So it is said again: now, to the
// device that holds the side, or when that is back. Everything else that a
// device has missed it hears anyway when it comes back.
func (s *step) undelivered(e *Effect) {
	role := s.c.RoleOf(e.To.User)
	if s.c.State != Answered || e.To.Scope != ToDevice || role == 0 {
		return
	}
	items := signalsOf(e, role)
	if len(items) == 0 {
		return
	}
	p := s.c.Party(role)
	if !p.Away() {
		again := *e
		again.To, again.Resumed = device(p.User, p.Device), false
		s.emit(again)
		return
	}
	// Before what was sent after the device vanished, behind what came back
	// earlier. A device that is away and has no link any more gets nothing by
	// other ways: what there is no room for is lost.
	at := 0
	for i := range s.c.Kept {
		if k := &s.c.Kept[i]; k.To == role && k.Again {
			at = i + 1
		}
	}
	for _, k := range items {
		if !SignalInfo(k.Signal).Kind.Repeatable() && s.isKept(role, k.From, k.Hash) || !s.room(len(k.Signal)) {
			continue
		}
		k.Signal = bytes.Clone(k.Signal) // it was only borrowed
		s.c.Kept = slices.Insert(slices.Clone(s.c.Kept), at, k)
		s.c.KeptBytes += len(k.Signal)
		s.dirty = true
		at++
	}
}

// signalsOf lists what an effect carries for one side's device, as it would
// have been kept.
func signalsOf(e *Effect, to Role) []Kept {
	k := Kept{To: to, From: e.By, Again: true}
	switch e.Kind {
	case EffectSignal:
		k.Kind = KeptSignal
	case EffectCandidates:
		k.Kind = KeptCandidates
	case EffectAccepted:
		k.Kind = KeptAnswer
	case EffectPending:
		items := slices.Clone(e.Items)
		for i := range items {
			items[i].To, items[i].Again = to, true
		}
		return items
	default:
		return nil
	}
	k.Signal, k.Hash = e.Signal, SignalInfo(e.Signal).Hash
	return []Kept{k}
}

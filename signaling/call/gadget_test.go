package call

import (
	"fmt"

	"pgregory.net/rapid"
)

// view is what a device shows of a call.
type view uint8

const (
	none view = iota
	rings
	holds
	over_
)

type gadget struct {
	Who
	online, away bool
	views        map[string]view
	got          map[string]bool   // call, seq: receivers drop repetitions
	signals      map[string]bool   // call, hash of what came as call:accepted
	missed       []string          // effects kept by the transport while away
	replay       map[string]Effect // their contents
}

// page forgets everything a page knows.
func (g *gadget) page() {
	g.views, g.signals = map[string]view{}, map[string]bool{}
	g.got, g.missed, g.replay = map[string]bool{}, nil, map[string]Effect{}
}

// handOver gives the next n effects of a call to the devices that they are
// for; again gives one that was handed over before a second time.
func (w *world) handOver(c *Call, n int, again bool) {
	for _, e := range c.Outbox {
		if e.Seq <= w.cursor[c.ID] && !again {
			continue
		}
		if n == 0 {
			break
		}
		n--
		if e.Seq > w.cursor[c.ID] {
			w.cursor[c.ID] = e.Seq
		}
		for _, g := range w.devices {
			if g.User != e.To.User || !e.To.Includes(g.Device) {
				continue
			}
			switch id := c.ID; {
			case w.lost[fmt.Sprint(id, " ", e.Seq)]:
			case signalsOf(&e, c.RoleOf(g.User)) != nil && !again && rapid.IntRange(0, 9).Draw(w.t, "lost") == 0:
				// Its node dies with it; the sender gets it back.
				w.lost[fmt.Sprint(id, " ", e.Seq)] = true
				w.notices = append(w.notices, notice{id, Undelivered{e}, g.Who})
			case g.online:
				g.receive(w, id, e)
			case g.away:
				key := fmt.Sprint(id, " ", e.Seq)
				g.missed = append(g.missed, key)
				g.replay[key] = e
			}
		}
	}
}

// receive is the device's end of an effect.
func (g *gadget) receive(w *world, id string, e Effect) {
	id = firstWord(id)
	key := fmt.Sprint(id, " ", e.Seq)
	if g.got[key] || (e.BaseSilent && !g.Extended) || (e.Kind.ExtendedOnly() && !g.Extended) {
		return
	}
	g.got[key] = true
	switch e.Kind {
	case EffectIncoming:
		if !e.Again {
			if g.views[id] == none { // what it left or was told to be over stays over
				g.views[id] = rings
			}
			w.notices = append(w.notices, notice{id, Delivered{[]Who{g.Who}}, g.Who})
		}
	case EffectEnded, EffectRejected, EffectUnavailable:
		if e.Reason == AnsweredElsewhere && w.call(id).Holds(g.User, g.Device) {
			return // it has taken the call back meanwhile
		}
		g.views[id] = over_
	case EffectAccepted, EffectSignal, EffectCandidates:
		g.signal(w, id, e.Signal)
	case EffectPending:
		for _, k := range e.Items {
			g.signal(w, id, k.Signal)
		}
	}
}

func firstWord(s string) string {
	for i := range len(s) {
		if s[i] == ' ' {
			return s[:i]
		}
	}
	return s
}

// signal: an equal one destroys what a base client holds.
func (g *gadget) signal(w *world, id string, raw []byte) {
	key := id + " " + string(raw)
	if !g.Extended && g.signals[key] {
		w.t.Fatalf("%s got a signal of %s twice: %s", g.Device, id, raw)
	}
	g.signals[key] = true
}

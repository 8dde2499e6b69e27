package signaling

import (
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// farGrace is how much longer an indicator stands where the typist is on another
// node: that one says when it ends, unless it has died or can not be heard.
const farGrace = 2 * time.Second

// farTyping is who types to users of this node from others (M4).
type farTyping struct {
	mu   sync.Mutex
	list map[farPair]*farTypist
}

type farPair struct{ from, to string }

// farTypist is "from types to to", until that is over or nothing more is heard.
type farTypist struct {
	farPair
	sw    *Switchboard
	timer wheel.Timer
	until int64 // UnixNano; guarded by farTyping.mu
}

// noteTyping is called with every typing event of another node. As with typists
// of this one, a key press costs no timer.
func (sw *Switchboard) noteTyping(t *turn, e *eventEnvelope) {
	f, pair, stay := &sw.far, farPair{e.from, e.user}, sw.cfg.TypingExpiry+farGrace
	f.mu.Lock()
	ty := f.list[pair]
	switch {
	case e.event != wire.UserTyping:
		if ty != nil {
			delete(f.list, pair)
			sw.wheel.Stop(&ty.timer)
		}
	case ty != nil:
		ty.until = t.now.Add(stay).UnixNano()
	default:
		ty = &farTypist{farPair: pair, sw: sw, until: t.now.Add(stay).UnixNano()}
		if f.list == nil {
			f.list = map[farPair]*farTypist{}
		}
		f.list[pair] = ty
		sw.wheel.Schedule(&ty.timer, stay, ty)
	}
	f.mu.Unlock()
}

// Expire ends the indicator if nothing was heard meanwhile.
func (ty *farTypist) Expire() {
	sw := ty.sw
	t := sw.newTurn()
	defer t.end()
	sw.far.mu.Lock()
	if sw.far.list[ty.farPair] != ty {
		sw.far.mu.Unlock()
		return
	}
	if left := ty.until - t.now.UnixNano(); left > 0 {
		sw.wheel.Schedule(&ty.timer, time.Duration(left), ty)
		sw.far.mu.Unlock()
		return
	}
	delete(sw.far.list, ty.farPair)
	sw.far.mu.Unlock()
	ev := droppable(wire.UserStopTyping, rawjson.AppendString(nil, ty.from))
	for _, s := range sw.hub.of(ty.to) {
		s.send(t, ev)
	}
}

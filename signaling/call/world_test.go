package call

import (
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// world is a whole switchboard in small: users with devices whose sockets come
// and go, a network that loses, repeats and reorders what clients send, a
// store with busy pointers, and inboxes that get effects late and twice.
type world struct {
	t       *rapid.T
	cfg     Config
	now     time.Time
	devices []*gadget
	calls   []*Call
	busy    map[string]string // user → call
	sent    []clientEvent     // what clients sent, still under way
	notices []notice          // what the server still has to learn about sockets and deliveries
	cursor  map[string]uint64 // how far each call's effects were handed over
	lastSeq map[string]uint64
	logs    map[string]int
	frees   map[string]int
	lost    map[string]bool // call, seq: what a node died with
	serial  int
}

type clientEvent struct {
	from   *gadget
	who    Who
	kind   string
	to     string
	callID string
	signal Signal
}

type notice struct {
	call string // for deliveries
	in   Input
	who  Who
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, cfg: DefaultConfig(), now: t0, busy: map[string]string{}, cursor: map[string]uint64{}, lastSeq: map[string]uint64{}, logs: map[string]int{}, frees: map[string]int{}, lost: map[string]bool{}}
	w.cfg.KeepSignals = rapid.IntRange(0, 6).Draw(t, "keep")
	w.cfg.OfflineRing = time.Duration(rapid.IntRange(0, 1).Draw(t, "offline")) * 30 * time.Second
	users := rapid.IntRange(2, 3).Draw(t, "users")
	for u := range users {
		for d := range rapid.IntRange(1, 3).Draw(t, "devices") {
			name := fmt.Sprintf("%c%d", 'a'+u, d)
			if rapid.Bool().Draw(t, "extended") {
				name = fmt.Sprintf("%c%d", 'A'+u, d)
			}
			g := &gadget{Who: dev(name)}
			g.page()
			w.devices = append(w.devices, g)
		}
	}
	for _, g := range w.devices {
		w.connect(g, false)
	}
	return w
}

func (w *world) call(id string) *Call {
	for _, c := range w.calls {
		if c.ID == id {
			return c
		}
	}
	w.t.Fatalf("no call %q", id)
	return nil
}

func (w *world) of(user string, live bool) (out []*Call) {
	for _, c := range w.calls {
		if c.RoleOf(user) != 0 && (!live || c.Live()) {
			out = append(out, c)
		}
	}
	return out
}

func (w *world) pick(name string, ok func(*gadget) bool) *gadget {
	var some []*gadget
	for _, g := range w.devices {
		if ok(g) {
			some = append(some, g)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(w.t, name)]
}

// step is the store: it applies an input and looks at what became of the call.
func (w *world) step(c *Call, in Input) error {
	old := *c
	next, fx, err := Step(old, in, w.now)
	if d := Deadline(&old); isTimeout(in) && (next.Version != old.Version) != (!d.IsZero() && !w.now.Before(d)) {
		w.t.Fatalf("timeout at %v changed %v of a call that is due %v", w.now, next.Version != old.Version, d)
	}
	if next.Version == old.Version {
		if len(fx) > 0 {
			w.t.Fatalf("%T: effects without a version", in)
		}
		return err
	}
	if next.Version != old.Version+1 || next.State < old.State {
		w.t.Fatalf("%T: version %d→%d, state %v→%v", in, old.Version, next.Version, old.State, next.State)
	}
	if old.State == Ended && (next.Reason != old.Reason || next.EndAt != old.EndAt || next.Callee.Device != old.Callee.Device) {
		w.t.Fatalf("%T changed an ended call", in)
	}
	moved := false
	switch in.(type) {
	case Resume, Handoff:
		moved = true
	}
	if old.Callee.Device != "" && next.Callee.Device != old.Callee.Device && !moved {
		w.t.Fatalf("%T: a second device answered", in)
	}
	w.note(next, fx)
	*c = next
	return err
}

func isTimeout(in Input) bool { _, ok := in.(Timeout); return ok }

// note checks the numbers of new effects and does what is the store's own.
func (w *world) note(c Call, fx []Effect) {
	for _, e := range fx {
		w.lastSeq[c.ID]++
		if e.Seq != w.lastSeq[c.ID] {
			w.t.Fatalf("effect number %d after %d", e.Seq, w.lastSeq[c.ID]-1)
		}
		switch e.Kind {
		case EffectLog:
			w.logs[c.ID]++
		case EffectRelease:
			w.frees[c.ID]++
			for _, u := range []string{c.Caller.User, c.Callee.User} {
				if w.busy[u] == c.ID {
					delete(w.busy, u)
				}
			}
		}
	}
	if c.Limits.Keep > 0 && len(c.Kept)+len(c.Offers) > c.Limits.Keep+2 {
		w.t.Fatalf("%d kept", len(c.Kept))
	}
}

// connect is a new page, or the old one with a new or a continued session.
func (w *world) connect(g *gadget, recovered bool) {
	if !recovered {
		w.serial++
		g.Session = fmt.Sprint("s", w.serial)
	} else {
		w.settleNotices(g)
	}
	g.online, g.away = true, false
	if recovered {
		for _, id := range g.missed {
			g.receive(w, id, g.replay[id])
		}
	}
	g.missed, g.replay = nil, map[string]Effect{}
	for _, c := range w.of(g.User, false) {
		_ = w.step(c, DeviceOnline{Who: g.Who, Recovered: recovered})
	}
}

// settleNotices has the server learn what it still has to learn of a device.
func (w *world) settleNotices(g *gadget) {
	rest := w.notices[:0:0]
	for _, n := range w.notices {
		if n.who.Device == g.Device && n.call == "" {
			w.learn(n)
		} else {
			rest = append(rest, n)
		}
	}
	w.notices = rest
}

func (w *world) learn(n notice) {
	if n.call != "" {
		_ = w.step(w.call(n.call), n.in)
		return
	}
	for _, c := range w.of(n.who.User, false) {
		_ = w.step(c, n.in)
	}
}

// serve handles one client event as the switchboard does.
func (w *world) serve(e clientEvent) {
	if !e.from.online || e.from.Session != e.who.Session {
		return
	}
	if e.kind == "call:user" {
		w.callUser(e)
		return
	}
	var c *Call
	var err error
	ev := map[string]Event{"call:answer": EventAnswer, "call:rejected": EventReject, "call:end": EventEnd}[e.kind]
	if e.callID != "" {
		c = w.call(e.callID)
	} else if c, err = Match(ev, e.who, e.to, w.of(e.who.User, false)); err != nil {
		return
	}
	was := c.State
	switch e.kind {
	case "call:answer":
		if w.step(c, Answer{e.who, e.signal}) == nil && was == Ringing && c.State == Answered {
			e.from.views[c.ID] = holds
		}
	case "call:rejected", "call:end":
		in := Input(End{e.who})
		if e.kind == "call:rejected" {
			in = Reject{e.who}
		}
		if w.step(c, in) == nil && was != Ended && c.State == Ended {
			e.from.views[c.ID] = over_
		}
	case "call:signal":
		_ = w.step(c, SendSignal{e.who, e.signal})
	case "call:candidate":
		_ = w.step(c, SendCandidates{e.who, e.signal})
	case "call:handoff", "call:resume":
		in := Input(Resume{e.who})
		if e.kind == "call:handoff" {
			in = Handoff{e.who}
		}
		if w.step(c, in) == nil {
			e.from.views[c.ID] = holds
		}
	}
}

func (w *world) callUser(e clientEvent) {
	d := Decide(w.cfg, Ask{Who: e.who, To: e.to, Signal: e.signal}, w.of(e.who.User, true), w.of(e.to, true))
	w.serial++
	id := fmt.Sprint("c", w.serial)
	for _, old := range d.Supersede {
		if err := w.step(old, Supersede{Who: e.who, By: id}); err != nil || old.Live() {
			w.t.Fatalf("supersede: %v", err)
		}
		e.from.views[old.ID] = over_
	}
	r := Ring{ID: id, Caller: e.who, Callee: e.to, Signal: e.signal, Offline: true}
	switch d.Do {
	case DoRepeat:
		if err := w.step(d.Call, Repeat{e.who, e.signal}); err != nil {
			w.t.Fatalf("repeat: %v", err)
		}
	case DoGlare:
		if err := w.step(d.Call, TakeGlare{e.who}); err != nil {
			w.t.Fatalf("glare: %v", err)
		}
	case DoBusy:
		c, fx := Refuse(r, Busy, w.now)
		w.calls = append(w.calls, &c)
		w.note(c, fx)
	case DoRing:
		for _, g := range w.devices {
			if g.User == e.to && g.online {
				r.Offline = false
				if rapid.Bool().Draw(w.t, "local") {
					r.Devices = append(r.Devices, g.Who)
				}
			}
		}
		for _, u := range []string{e.who.User, e.to} {
			if other := w.busy[u]; other != "" {
				w.t.Fatalf("%s rings while %s is in %s", id, u, other)
			}
		}
		c, fx := New(w.cfg, r, w.now)
		if c.Live() {
			w.busy[e.who.User], w.busy[e.to] = id, id
			e.from.views[id] = holds
		}
		w.calls = append(w.calls, &c)
		w.note(c, fx)
	}
}

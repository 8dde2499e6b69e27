package call

import (
	"slices"
	"time"

	"pgregory.net/rapid"
)

// check holds after every action.
func (w *world) check() {
	for u, id := range w.busy {
		if c := w.call(id); !c.Live() || c.RoleOf(u) == 0 {
			w.t.Fatalf("%s is busy in %s, which is %v", u, id, c.State)
		}
	}
	for _, c := range w.calls {
		if c.Live() && (w.busy[c.Caller.User] != c.ID || w.busy[c.Callee.User] != c.ID) {
			w.t.Fatalf("%s is live and does not hold its users", c.ID)
		}
		if c.State == Ringing && Deadline(c).IsZero() {
			w.t.Fatalf("%s rings for ever", c.ID)
		}
		if want := btoi(c.State == Ended); w.logs[c.ID] != want || w.frees[c.ID] > want {
			w.t.Fatalf("%s is %v and has %d log entries", c.ID, c.State, w.logs[c.ID])
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// settle lets everything come to rest: sockets come back or are given up,
// everything that is under way arrives, calls end.
func (w *world) settle() {
	w.sent = nil
	for _, g := range w.devices {
		if g.away {
			w.connect(g, rapid.Bool().Draw(w.t, "recovered"))
		}
	}
	quiet := func() {
		for again := true; again; {
			again = len(w.notices) > 0
			for _, n := range slices.Clone(w.notices) {
				w.learn(n)
			}
			w.notices = nil
			for _, c := range w.calls {
				before := w.cursor[c.ID]
				w.handOver(c, -1, false)
				again = again || w.cursor[c.ID] != before
			}
		}
	}
	quiet()
	for _, c := range w.calls {
		if d := Deadline(c); !d.IsZero() {
			w.now = maxTime(w.now, d)
			_ = w.step(c, Timeout{})
		}
		if c.State == Answered {
			if err := w.step(c, End{Who{User: c.Caller.User, Device: c.Caller.Device}}); err != nil {
				w.t.Fatalf("end: %v", err)
			}
			for _, g := range w.devices {
				if g.Device == c.Caller.Device {
					g.views[c.ID] = over_
				}
			}
		}
		if c.Live() {
			w.t.Fatalf("%s is still %v", c.ID, c.State)
		}
	}
	quiet()
	w.check()
	if len(w.busy) > 0 {
		w.t.Fatalf("busy for ever: %v", w.busy)
	}
	for _, c := range w.calls {
		for _, g := range w.devices {
			if v := g.views[c.ID]; v == rings || v == holds {
				w.t.Fatalf("%s never heard that %s is over (%v): view %d\n%+v", g.Device, c.ID, c.Reason, v, *c)
			}
		}
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

package call

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestC12_AnyOrderAnyLoss: random devices, inputs that are lost, doubled and
// reordered, sockets that vanish and return. At most one device answers,
// nobody is busy without a live call, ended is final, each call is logged
// once, and every device that rang or talked hears of the end.
func TestC12_AnyOrderAnyLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"":         func(*rapid.T) { w.check() },
			"dial":     func(*rapid.T) { w.dial() },
			"press":    func(*rapid.T) { w.press() },
			"press2":   func(*rapid.T) { w.press() },
			"network":  func(*rapid.T) { w.network() },
			"network2": func(*rapid.T) { w.network() },
			"learn":    func(*rapid.T) { w.learnOne() },
			"inbox":    func(*rapid.T) { w.inbox() },
			"inbox2":   func(*rapid.T) { w.inbox() },
			"socket":   func(*rapid.T) { w.socket() },
			"time":     func(*rapid.T) { w.passTime() },
		})
		w.settle()
	})
}

func (w *world) dial() {
	g := w.pick("who", func(g *gadget) bool { return g.online })
	if g == nil {
		return
	}
	to := fmt.Sprintf("%c", 'a'+rapid.IntRange(0, 2).Draw(w.t, "to"))
	if to == g.User || w.user(to) == nil {
		return
	}
	sig := []Signal{sdp("offer", 1, 1), sdp("offer", 1, 2), sdp("offer", 2, 1), cand(1), opaque("o")}[rapid.IntRange(0, 4).Draw(w.t, "signal")]
	w.sent = append(w.sent, clientEvent{g, g.Who, "call:user", to, "", sig})
}

func (w *world) user(u string) *gadget {
	for _, g := range w.devices {
		if g.User == u {
			return g
		}
	}
	return nil
}

// press: somebody does something in a call, with or without its id.
func (w *world) press() {
	g := w.pick("who", func(g *gadget) bool { return g.online })
	if g == nil || len(w.calls) == 0 {
		return
	}
	kinds := []string{"call:answer", "call:answer", "call:rejected", "call:end", "call:signal", "call:candidate", "call:handoff", "call:resume"}
	e := clientEvent{from: g, who: g.Who, kind: rapid.SampledFrom(kinds).Draw(w.t, "event")}
	recent := w.calls[max(0, len(w.calls)-3):]
	c := recent[rapid.IntRange(0, len(recent)-1).Draw(w.t, "call")]
	e.callID, e.to = c.ID, c.Caller.User
	if e.to == g.User {
		e.to = c.Callee.User
	}
	switch e.kind {
	case "call:answer", "call:rejected", "call:end":
		if rapid.Bool().Draw(w.t, "no id") {
			e.callID = ""
			if rapid.Bool().Draw(w.t, "no to") {
				e.to = ""
			}
		}
	case "call:handoff", "call:resume":
		if !g.Extended || (c.RoleOf(g.User) != 0 && !w.extended(c, g.User)) {
			return
		}
	}
	switch e.kind {
	case "call:answer":
		e.signal = []Signal{sdp("answer", 3, 1), cand(2), opaque("a"), {}}[rapid.IntRange(0, 3).Draw(w.t, "signal")]
	case "call:signal", "call:candidate":
		e.signal = opaque(fmt.Sprint(rapid.IntRange(0, 9).Draw(w.t, "signal")))
	}
	w.sent = append(w.sent, e)
}

// extended reports whether the device that holds the user's side could hand
// it over: base devices do not.
func (w *world) extended(c *Call, user string) bool {
	p := c.Party(c.RoleOf(user))
	return p.Device == "" || p.Extended
}

// network delivers, doubles or loses any of the events under way.
func (w *world) network() {
	if len(w.sent) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.sent)-1).Draw(w.t, "event")
	e := w.sent[i]
	fate := rapid.IntRange(0, 9).Draw(w.t, "fate")
	if fate != 0 { // else it comes once more
		w.sent = append(w.sent[:i:i], w.sent[i+1:]...)
	}
	if fate != 1 {
		w.serve(e)
	}
}

func (w *world) learnOne() {
	if len(w.notices) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.notices)-1).Draw(w.t, "notice")
	n := w.notices[i]
	_, once := n.in.(Undelivered)
	if once || rapid.IntRange(0, 4).Draw(w.t, "twice") != 0 {
		w.notices = append(w.notices[:i:i], w.notices[i+1:]...)
	}
	w.learn(n)
}

func (w *world) inbox() {
	if len(w.calls) == 0 {
		return
	}
	c := w.calls[rapid.IntRange(0, len(w.calls)-1).Draw(w.t, "call")]
	w.handOver(c, rapid.IntRange(1, 8).Draw(w.t, "effects"), rapid.IntRange(0, 3).Draw(w.t, "again") == 0)
	if rapid.Bool().Draw(w.t, "ack") {
		_ = w.step(c, Ack{w.cursor[c.ID]})
	}
}

// socket: a page opens, closes, vanishes or comes back.
func (w *world) socket() {
	g := w.devices[rapid.IntRange(0, len(w.devices)-1).Draw(w.t, "device")]
	switch {
	case g.away && rapid.Bool().Draw(w.t, "reload"):
		g.page()
		w.connect(g, false)
	case g.away:
		w.connect(g, rapid.Bool().Draw(w.t, "recovered"))
	case !g.online:
		w.connect(g, false)
	case rapid.Bool().Draw(w.t, "clean"):
		w.notices = append(w.notices, notice{"", DeviceGone{Who: g.Who}, g.Who})
		g.online = false
		g.page()
	default:
		w.notices = append(w.notices, notice{"", DeviceAway{Who: g.Who}, g.Who})
		g.online, g.away = false, true
	}
}

func (w *world) passTime() {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(w.t, "seconds")) * time.Second)
	for _, c := range w.calls {
		if rapid.Bool().Draw(w.t, "timer") {
			_ = w.step(c, Timeout{})
		}
	}
}

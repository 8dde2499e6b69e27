package signaling

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func (c *client) blocks(user string) {
	c.w.t.Helper()
	if got := c.asks("user:block", fmt.Sprintf(`{"userId":%q}`, user)); got != "{}" {
		c.w.t.Fatalf("%s: user:block: %s", c.name, got)
	}
}

func (c *client) unblocks(user string) {
	c.w.t.Helper()
	if got := c.asks("user:unblock", fmt.Sprintf(`{"userId":%q}`, user)); got != "{}" {
		c.w.t.Fatalf("%s: user:unblock: %s", c.name, got)
	}
}

// comesAbout waits for something that has to come about.
func comesAbout(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
		time.Sleep(time.Millisecond) // polling with a deadline
	}
}

// knows waits until the device's node knows that somebody has blocked its user, or
// has not any more.
func (c *client) knows(user string, blocked bool) {
	c.w.t.Helper()
	comesAbout(c.w.t.(*testing.T), fmt.Sprintf("%s blocked by %s: %t", c.name, user, blocked), func() bool { return c.sess.hiddenFrom(user) == blocked })
}

// heard lists events by name since it was last asked.
func (c *client) heard(names ...string) (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.received {
		for _, n := range names {
			if ev.Name == n {
				list = append(list, ev.Name+" "+string(ev.Args))
			}
		}
	}
	return list
}

func (c *client) lastList() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.received) - 1; i >= 0; i-- {
		if c.received[i].Name == wire.GetOnlineUsers {
			return string(c.received[i].Args)
		}
	}
	return ""
}

func TestC15_ListsOfBlocked(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, _ := chatWorld(t, nodes)
		b, b2 := w.join("B1"), w.join("B2")
		for _, u := range []string{"c", "a", "c"} {
			b.blocks(u)
		}
		if got := b2.asks("user:blocks", `{}`); got != `{"users":["a","c"]}` {
			t.Errorf("%s", got)
		}
		b.unblocks("c")
		b.unblocks("nobody")
		if got := b.asks("user:blocks", ``); got != `{"users":["a"]}` {
			t.Errorf("%s", got)
		}
		b2.waits(`user:blocked {"userId":"c","blocked":true}`, `user:blocked {"userId":"a","blocked":true}`, `user:blocked {"userId":"c","blocked":false}`)
		b.waits()
		for arg, want := range map[string]string{`{"userId":"b"}`: "!bad_payload", `{}`: "!bad_payload", `{"userId":7}`: "!bad_payload", `{"userId":"\u0001"}`: "!bad_payload", `[]`: "!bad_payload"} {
			if got := b.asks("user:block", arg); got != want {
				t.Errorf("%s: %s", arg, got)
			}
		}
	})
}

func TestC15_NothingIsBlockedWhereNothingIsKept(t *testing.T) {
	play(t, nil, func(w *world) {
		b := w.all("B1")[0]
		for _, ev := range []string{"user:block", "user:unblock", "user:blocks"} {
			eq(t, ev, b.ask(ev, `{"userId":"a"}`), "!not_configured")
		}
	})
}

func TestC15_MessageOfTheBlockedIsItsAuthorsAlone(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, store := chatWorld(t, nodes)
		a, a2, b := w.join("A1"), w.join("A2"), w.join("B1")
		before := a.sends("b", "before", "")
		b.waits("newMessage ")
		b.blocks("a")
		a.knows("b", true)
		m := a.sends("b", "after", `,"clientId":"k"`)
		if m.Status != "sent" || m.Text != "after" {
			t.Errorf("%+v", m)
		}
		if again := a.sends("b", "after", `,"clientId":"k"`); again.ID != m.ID || again.Status != "sent" {
			t.Errorf("again: %+v", again)
		}
		// REST, from a user who is nowhere connected, asks the store.
		w.join("B3").blocks("z")
		rest, deliver, err := w.sw.SendMessage(t.Context(), identity("z"), chat.Draft{To: "b", Text: "rest"})
		if err != nil || !rest.HiddenFrom("b") {
			t.Fatalf("%+v, %v", rest, err)
		}
		deliver()
		// Nor is there another way to say something.
		for ev, arg := range map[string]string{"message:edit": `{"messageId":%q,"text":"other"}`, "message:react": `{"messageId":%q,"emoji":"x"}`} {
			if got := a.asks(ev, fmt.Sprintf(arg, before.ID)); got != "!forbidden" {
				t.Errorf("%s of an old one: %s", ev, got)
			}
			if got := a.asks(ev, fmt.Sprintf(arg, m.ID)); !strings.HasPrefix(got, `{"message"`) {
				t.Errorf("%s of a hidden one: %s", ev, got)
			}
		}
		if got := b.asks("message:react", fmt.Sprintf(`{"messageId":%q,"emoji":"x"}`, before.ID)); got != "!forbidden" {
			t.Errorf("the one who blocked reacts: %s", got)
		}
		if got := a.asks("message:delete", fmt.Sprintf(`{"messageId":%q}`, m.ID)); got != "{}" {
			t.Errorf("delete: %s", got)
		}
		b.unblocks("a")
		a.knows("b", false)
		last := a.sends("b", "last", "")
		comesAbout(t, "the last", func() bool { return len(b.heard("newMessage")) == 2 })
		for _, ev := range b.messageEvents() {
			if strings.Contains(ev, m.ID) || strings.Contains(ev, "after") || strings.Contains(ev, rest.ID) {
				t.Errorf("b heard %s", ev)
			}
		}
		list, err := store.History(t.Context(), "b", "a", "", 10)
		if err != nil || len(list) != 2 || list[0].ID != before.ID || list[1].ID != last.ID {
			t.Errorf("b's history: %d, %v", len(list), err)
		}
		comesAbout(t, "the author's other device", func() bool { return len(a2.heard("newMessage")) == 3 })
	})
}

func TestC15_TypingStopsAndIsDropped(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		w, _ := chatWorld(t, nodes)
		a, b := w.join("A1"), w.join("B1")
		a.says("typing", typingTo("b"))
		b.waits(`userTyping "a"`)
		b.blocks("a")
		b.waits(`userTyping "a"`, `userStopTyping "a"`)
		a.knows("b", true)
		a.says("typing", typingTo("b"))
		a.says("stopTyping", typingTo("b"))
		b.says("typing", typingTo("a"))
		b.unblocks("a")
		a.knows("b", false)
		a.says("typing", typingTo("b"))
		b.waits(`userTyping "a"`, `userStopTyping "a"`, `userTyping "a"`)
		a.waits()
	})
}

func TestC15_P5_WhoBlocksLooksOffline(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		store := openChat(t)
		w := newWorldOf(t, nodes, func(s *setup) { s.chat, s.PresenceInterval = store, 20*time.Millisecond })
		a, base, b, c := w.join("A1"), w.join("a2"), w.join("B1"), w.join("c1")
		if got := a.asks("presence:watch", `{"users":["b","c"]}`); !strings.Contains(got, `{"user":"b","online":true`) {
			t.Fatalf("%s", got)
		}
		comesAbout(t, "the list", func() bool { return base.lastList() == `["a","b","c"]` && c.lastList() == `["a","b","c"]` })
		b.blocks("a")
		comesAbout(t, "a list without b", func() bool { return base.lastList() == `["a","c"]` && a.lastList() == `["a","c"]` })
		comesAbout(t, "the update", func() bool {
			l := a.heard("presence:update")
			return len(l) > 0 && strings.HasPrefix(l[len(l)-1], `presence:update {"user":"b","online":false,"devices":0,"lastSeen":`)
		})
		if got := a.asks("presence:watch", `{"users":["b"]}`); got != `[{"user":"b","online":false,"devices":0,"lastSeen":null}]` {
			t.Errorf("watched again: %s", got)
		}
		// A device that connects now sees the same, and no change of b is told.
		seen := len(a.heard("presence:update"))
		late := w.join("a3")
		if got := late.lastList(); got != `["a","c"]` {
			t.Errorf("at first: %s", got)
		}
		w.join("B2")
		w.join("d1")
		comesAbout(t, "a list with d", func() bool {
			return late.lastList() == `["a","c","d"]` && base.lastList() == `["a","c","d"]` && c.lastList() == `["a","b","c","d"]`
		})
		if n := len(a.heard("presence:update")); n != seen {
			t.Errorf("changes of b were told: %q", a.heard("presence:update")[seen:])
		}
		// The one who blocked sees the other.
		comesAbout(t, "b's list", func() bool { return b.lastList() == `["a","b","c","d"]` })
		by, err := w.sw.HiddenFrom(t.Context(), "a")
		if _, is := by["b"]; err != nil || !is {
			t.Errorf("for REST: %v, %v", by, err)
		}
		b.unblocks("a")
		comesAbout(t, "b again", func() bool {
			l := a.heard("presence:update")
			return base.lastList() == `["a","b","c","d"]` && strings.HasPrefix(l[len(l)-1], `presence:update {"user":"b","online":true,"devices":2`)
		})
		b.blocks("a") // the same list as before is told again
		comesAbout(t, "without b", func() bool { return base.lastList() == `["a","c","d"]` })
	})
}

func TestC15_P4_AboveTheLimitWhoBlocksIsNoPartner(t *testing.T) {
	onNodes(t, func(t *testing.T, nodes int) {
		store := openChat(t)
		w := newWorldOf(t, nodes, func(s *setup) { s.chat, s.PresenceInterval, s.PresenceLimit = store, 20*time.Millisecond, 1 })
		a, b := w.join("A1"), w.join("B1")
		w.join("C1")
		a.sends("b", "x", "")
		b.asks("message:history", `{"peer":"a"}`)
		a.asks("message:history", `{"peer":"b"}`)
		w.join("D1") // a change
		comesAbout(t, "partners", func() bool { return a.lastList() == `["b"]` })
		b.blocks("a")
		comesAbout(t, "none", func() bool { return a.lastList() == `[]` })
		w.join("E1")
		late := w.join("a2")
		comesAbout(t, "partners of old", func() bool { return late.sess.recalled.Load() })
		if got := late.lastList(); got != `[]` {
			t.Errorf("a new device: %s", got)
		}
		b.unblocks("a")
		comesAbout(t, "b again", func() bool { return a.lastList() == `["b"]` })
	})
}

// TestC15_BlocksOutliveSessionsAndNodes: the lists are read by whoever connects,
// and a change that a node misses is found in the store.
func TestC15_BlocksOutliveSessionsAndNodes(t *testing.T) {
	w, store := chatWorld(t, 3)
	if err := store.Block(t.Context(), "b", "a"); err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // one on each node
		a := w.join(fmt.Sprintf("A%d", i))
		if !a.sess.hiddenFrom("b") || a.sess.strangers("c") {
			t.Errorf("node %d does not know", i)
		}
	}
	for i, sw := range w.nodes {
		if n := len(sw.blocks.by); n != 1 {
			t.Errorf("node %d has %d entries", i, n)
		}
	}
	a := w.join("A9")
	a.sess.Closed(true)
	for _, sw := range w.nodes {
		for _, s := range sw.hub.of("a") {
			s.Closed(true)
		}
		if n := len(sw.blocks.by); n != 0 {
			t.Errorf("%d entries are left", n)
		}
	}
}

// TestC15_ChangesAtOnceEndAsTheStoreHasThem: whatever order nodes hear them in.
func TestC15_ChangesAtOnceEndAsTheStoreHasThem(t *testing.T) {
	w, store := chatWorld(t, 3)
	bs := []*client{w.join("B1"), w.join("B2"), w.join("B3")}
	as := []*client{w.join("A1"), w.join("A2"), w.join("A3")}
	var answers []lateAnswer
	for i := range 60 {
		ev := "user:block"
		if i*7%3 == 0 {
			ev = "user:unblock"
		}
		answers = append(answers, bs[i%3].begins(ev, `{"userId":"a"}`))
	}
	for _, a := range answers {
		a.get(t)
	}
	list, err := store.Blocked(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range as {
		a.knows("b", len(list) == 1)
	}
	for _, b := range bs {
		comesAbout(t, b.name, func() bool { return b.sess.strangers("a") == (len(list) == 1) })
	}
	for i, sw := range w.nodes { // and nothing is under way that would change it
		comesAbout(t, "rest", func() bool {
			sw.blocks.mu.Lock()
			defer sw.blocks.mu.Unlock()
			for _, e := range sw.blocks.by {
				if e.loading || e.missing {
					return false
				}
			}
			return true
		})
		if as[i].sess.hiddenFrom("b") != (len(list) == 1) {
			t.Errorf("%s does not agree with the store", as[i].name)
		}
	}
}

func FuzzDecodeBlock(f *testing.F) {
	f.Add(encodeBlock("a", "b", true))
	f.Add(encodeBlock("", "b", false))
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		user, other, on, ok := decodeBlock(b)
		if !ok {
			return
		}
		u, o, again, ok := decodeBlock(encodeBlock(user, other, on))
		if !ok || u != user || o != other || again != on {
			t.Errorf("%q %q %t", u, o, again)
		}
	})
}

// TestC15_RefusedSessionsLeaveNoLists: nor do they take those of their user along.
func TestC15_RefusedSessionsLeaveNoLists(t *testing.T) {
	store := openChat(t)
	w := newWorldOf(t, 1, func(s *setup) { s.chat, s.SessionsPerUser = store, 1 })
	a := w.join("A1")
	if _, err := w.tryJoin("A2", identity("a")); err == nil {
		t.Fatal("a second session was let in")
	}
	entry := func() (n int, there bool) {
		w.sw.blocks.mu.Lock()
		defer w.sw.blocks.mu.Unlock()
		e := w.sw.blocks.by["a"]
		if e == nil {
			return 0, false
		}
		return e.sessions, true
	}
	if n, _ := entry(); n != 1 {
		t.Errorf("%d sessions have the lists, want 1", n)
	}
	a.sess.Closed(true)
	if n, there := entry(); there {
		t.Errorf("%d sessions are left", n)
	}
}

package signaling

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// lists takes the online lists that a client received.
func (c *client) lists() []string {
	var out []string
	for _, s := range c.takeAll() {
		if l, ok := strings.CutPrefix(s, wire.GetOnlineUsers+" "); ok {
			out = append(out, l)
		}
	}
	return out
}

func (c *client) getsLists(want ...string) {
	c.w.t.Helper()
	c.compare(c.lists(), want)
}

func TestP4_ListOnConnectAndCoalesced(t *testing.T) {
	play(t, nil, func(w *world) {
		a := w.join("a1")
		a.getsLists(`["a"]`)
		w.pass(1500 * time.Millisecond) // the first broadcast
		a.lists()
		b := w.join("B1")
		b.getsLists(`["a","b"]`)
		for _, u := range []string{"c1", "d1", "e1"} {
			w.join(u)
		}
		a.getsLists()
		w.pass(time.Second)
		a.getsLists(`["a","b","c","d","e"]`)
		b.getsLists(`["a","b","c","d","e"]`)
		w.pass(10 * time.Second) // nothing changed, nothing said
		a.getsLists()
		w.join("b2") // another device: the same set of users
		w.pass(2 * time.Second)
		a.getsLists()
		// Away and back inside the grace: unseen.
		b.sess.Away()
		w.pass(2 * time.Second)
		b.sess.Back()
		w.pass(2 * time.Second)
		a.getsLists()
	})
}

func TestP4_EncodedOnce(t *testing.T) {
	playAlone(t, nil, func(w *world) {
		a, b := w.join("a1"), w.join("b1")
		w.pass(1500 * time.Millisecond)
		a.mu.Lock()
		b.mu.Lock()
		defer a.mu.Unlock()
		defer b.mu.Unlock()
		x, y := a.received[len(a.received)-1], b.received[len(b.received)-1]
		if x != y || !x.Shared || x.Lane != wire.Droppable {
			t.Errorf("the broadcast is %p %+v to a, %p to b: want one shared, droppable event", x, x.Shared, y)
		}
	})
}

func TestP4_AboveTheLimitPartnersOnly(t *testing.T) {
	play(t, func(s *setup) { s.PresenceLimit = 3 }, func(w *world) {
		a, b, c := w.join("a1"), w.join("b1"), w.join("c1")
		w.pass(1500 * time.Millisecond)
		for _, x := range []*client{a, b, c} {
			x.lists()
		}
		d := w.join("d1") // the fourth: above the limit
		d.getsLists(`[]`)
		w.pass(time.Second)
		// Those that show the whole list get one correction.
		a.getsLists(`[]`)
		b.getsLists(`[]`)
		c.getsLists(`[]`)
		e := w.join("e1")
		e.lists()
		w.pass(time.Second)
		a.getsLists()
		// Conversation partners are told of each other.
		a.emit("typing", `{"senderId":"x","receiverId":"b"}`)
		e.sess.Closed(true)
		w.pass(time.Second)
		a.getsLists(`["b"]`)
		b.getsLists(`["a"]`)
		c.getsLists()
		b.sess.Closed(true) // three are left: the whole list again
		w.pass(time.Second)
		a.getsLists(`["a","c","d"]`)
		c.getsLists(`["a","c","d"]`)
	})
}

// storm connects n users at once and counts what all of them were sent.
func storm(t *testing.T, n int) (events, bytes int) {
	t.Helper()
	play(t, func(s *setup) { s.PresenceLimit = 100 }, func(w *world) {
		list := make([]*client, n)
		for i := range list {
			c, err := w.tryJoin("a1", identity(fmt.Sprintf("user-%05d", i)))
			if err != nil {
				t.Fatal(err)
			}
			list[i] = c
			if i%50 == 49 {
				w.pass(200 * time.Millisecond)
			}
		}
		w.pass(5 * time.Second)
		for _, c := range list {
			c.mu.Lock()
			events += c.total
			for _, ev := range c.received {
				bytes += len(ev.Args)
			}
			c.mu.Unlock()
		}
	})
	return events, bytes
}

func TestP4_StormCostsLinearly(t *testing.T) {
	events, bytes := storm(t, 1000)
	if events > 3*1000 {
		t.Errorf("1,000 users connecting cost %d events, want at most 3 for each", events)
	}
	events2, bytes2 := storm(t, 2000)
	if float64(events2) > 2.3*float64(events) || float64(bytes2) > 2.3*float64(bytes) {
		t.Errorf("twice the users: %d events and %d bytes, was %d and %d: want at most 2.3 times as much", events2, bytes2, events, bytes)
	}
}

func TestP4_PagesForTheAPI(t *testing.T) {
	play(t, nil, func(w *world) {
		w.all("a1", "b1", "c1")
		users, next, err := w.sw.OnlineUsers(t.Context(), "", 2)
		if err != nil || fmt.Sprint(users) != "[a b]" || next == "" {
			t.Fatalf("first page %v, next %q, %v", users, next, err)
		}
		users, next, err = w.sw.OnlineUsers(t.Context(), next, 2)
		if err != nil || fmt.Sprint(users) != "[c]" || next != "" {
			t.Fatalf("second page %v, next %q, %v", users, next, err)
		}
	})
}

func TestP7_ListIsUnavailable(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		w.joinOn(0, "a1")
		plugs[0].set(false, true)
		_, _, err := w.nodes[0].OnlineUsers(t.Context(), "", 10)
		if p, known := wire.ProblemOf(err); !known || p.Code != wire.CodeUnavailable || !errors.Is(err, presence.ErrUnavailable) {
			t.Errorf("an outage is told as %v", err)
		}
		plugs[0].set(false, false)
		if users, _, err := w.nodes[0].OnlineUsers(t.Context(), "", 10); err != nil || fmt.Sprint(users) != "[a]" {
			t.Errorf("after it %v, %v", users, err)
		}
	})
}

// TestP5_WhoIsBackKnowsWhoIsThere: what changes while a client is away, or is sent
// to a socket that is dead already, is not kept for it.
func TestP5_WhoIsBackKnowsWhoIsThere(t *testing.T) {
	play(t, nil, func(w *world) {
		a, x := w.join("A1"), w.join("X1")
		a.ask("presence:watch", `{"users":["x"]}`)
		for _, noticed := range []bool{true, false} {
			for _, online := range []bool{false, true} {
				if noticed {
					a.sess.Away()
				}
				if online {
					x = w.join("X1")
				} else {
					x.sess.Closed(true)
				}
				w.pass(2 * time.Second)
				a.takeAll() // which it does not get
				a.sess.Back()
				got := strings.Join(a.takeAll(), "\n")
				if !strings.Contains(got, fmt.Sprintf(`presence:update {"user":"x","online":%t,`, online)) {
					t.Errorf("loss noticed %t: of x, online %t, it is told\n%s", noticed, online, got)
				}
				if list := map[bool]string{false: `["a"]`, true: `["a","x"]`}[online]; !strings.Contains(got, "getOnlineUsers "+list) {
					t.Errorf("loss noticed %t: of the list %s it is told\n%s", noticed, list, got)
				}
			}
		}
	})
}

func TestP5_WatchLists(t *testing.T) {
	play(t, nil, func(w *world) {
		a := w.all("A1")[0]
		eq(t, "snapshot", a.ask("presence:watch", `{"users":["b","c","b"]}`),
			`[{"user":"b","online":false,"devices":0,"lastSeen":null},{"user":"c","online":false,"devices":0,"lastSeen":null},{"user":"b","online":false,"devices":0,"lastSeen":null}]`)
		b := w.join("b1")
		a.gets(`presence:update {"user":"b","online":true,"devices":1,"lastSeen":null}`)
		w.join("d1") // not watched
		b2 := w.join("B2")
		a.gets(`presence:update {"user":"b","online":true,"devices":2,"lastSeen":null}`)
		b2.sess.Closed(true)
		a.gets(`presence:update {"user":"b","online":true,"devices":1,"lastSeen":null}`)
		w.pass(1000 * time.Millisecond)
		b.sess.Away()
		a.gets(fmt.Sprintf(`presence:update {"user":"b","online":true,"devices":0,"lastSeen":%d}`, t0+1000))
		w.pass(4500 * time.Millisecond)
		a.gets()
		w.pass(time.Second) // the grace is over
		a.gets(fmt.Sprintf(`presence:update {"user":"b","online":false,"devices":0,"lastSeen":%d}`, t0+1000))
		eq(t, "unwatch", a.ask("presence:unwatch", `{"users":["b"]}`), "[]")
		w.join("b1")
		a.gets()
		c := w.join("c1")
		a.hears("presence:update")
		c.sess.Closed(true)
		a.gets(fmt.Sprintf(`presence:update {"user":"c","online":false,"devices":0,"lastSeen":%d}`, time.Now().UnixMilli()))
		a.sess.Closed(true)
		if n := len(w.sw.watched); n != 0 {
			t.Errorf("%d users are still watched by nobody", n)
		}
	})
}

func TestP5_WatchListIsBounded(t *testing.T) {
	play(t, nil, func(w *world) {
		a := w.all("A1")[0]
		next := 0
		more := func(n int) string {
			var ids []string
			for range n {
				ids = append(ids, fmt.Sprintf(`"u%d"`, next))
				next++
			}
			got := a.ask("presence:watch", `{"users":[`+strings.Join(ids, ",")+`]}`)
			if strings.HasPrefix(got, "[") {
				got = "ok"
			}
			return got
		}
		for range maxWatched / wire.MaxWatch {
			eq(t, "watch", more(wire.MaxWatch), "ok")
		}
		eq(t, "one more", more(1), "!rate_limited")
		eq(t, "too many at once", more(wire.MaxWatch+1), "!bad_payload")
	})
}

func TestI1_SenderFieldsAreOverwritten(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1", "c1")
		a, b := cs[0], cs[1]
		a.emit("call:user", `{"to":"b","signal":{"x":1},"fromId":"c","from":{"_id":"c","username":"Ann"},"callerName":"Ann","isVideoCall":false}`)
		b.gets(fmt.Sprintf(`call:incoming {"from":{"_id":"a","username":"Ann"},"signal":{"x":1},"callerName":"Ann","isVideoCall":false,"fromId":"a","callId":"#1","expiresAt":%d,"peerExtended":false}`, t0+45_000))
		// call:end.from and call:rejected.from name somebody else.
		b.emit("call:rejected", `{"to":"a","from":"c"}`)
		a.hears("call:rejected")
		a.emit("typing", `{"senderId":"c","receiverId":"b"}`)
		b.gets(`userTyping "a"`)
		a.emit("allmessageSeen", `{"receiverId":"c","senderId":"b"}`)
		b.gets(`allmessageStatusUpdated {"senderId":"b","receiverId":"a","status":"seen"}`)
	})
}

func TestI2_DisplayData(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		var first string
		from := func(payload string) string {
			t.Helper()
			cs[0].emit("call:user", `{"to":"b","signal":{"x":1},"from":`+payload+`}`)
			got := cs[1].take()
			cs[0].emit("call:end", `{}`)
			cs[1].take()
			if len(got) != 1 {
				t.Fatalf("%s: got %q", payload, got)
			}
			_, rest, _ := strings.Cut(got[0], `{"from":`)
			first, _, _ = strings.Cut(rest, `,"signal"`)
			return first
		}
		eq(t, "allow-list", from(`{"username":"ann","password":"x","email":"a@b","fullName":"Ann A","gender":"f","admin":true}`), `{"_id":"a","username":"ann","fullName":"Ann A","gender":"f"}`)
		eq(t, "http picture", from(`{"profilePic":"https://example.com/a.png"}`), `{"_id":"a","profilePic":"https://example.com/a.png"}`)
		for _, bad := range []string{"javascript:alert(1)", "data:image/png;base64,AA", "//example.com/a", "file:///etc/passwd", `https://x/\" onerror=\"a`, "https:///a"} {
			eq(t, "picture "+bad, from(`{"profilePic":"`+bad+`"}`), `{"_id":"a"}`)
		}
		eq(t, "control and bidi characters", from(`{"username":"a\u0000b\n\u202ec\u2066d"}`), `{"_id":"a","username":"abcd"}`)
		eq(t, "wrong types", from(`{"username":17,"fullName":{"x":1},"gender":null,"name":["n"]}`), `{"_id":"a"}`)
		eq(t, "twice", from(`{"username":"one","username":"two"}`), `{"_id":"a","username":"one"}`)
		eq(t, "no object", from(`"a string"`), `{"_id":"a"}`)
		eq(t, "too large", from(`{"username":"ann","x":"`+strings.Repeat("y", maxProfile)+`"}`), `{"_id":"a"}`)
	})
}

func TestI2_TokenComesFirst(t *testing.T) {
	play(t, nil, func(w *world) {
		id := &auth.Identity{User: "a", Name: "Ann Token", Profile: &auth.Profile{ID: "a", Username: "token", ProfilePic: "https://example.com/t.png"}}
		a := w.joinAs("a1", id)
		b := w.all("b1")[0]
		a.emit("call:user", `{"to":"b","signal":{"x":1},"callerName":"Mallory","from":{"username":"mallory","fullName":"M","profilePic":"https://evil.example/x.png"}}`)
		b.gets(fmt.Sprintf(`call:incoming {"from":{"_id":"a","username":"token","profilePic":"https://example.com/t.png","fullName":"M"},"signal":{"x":1},"callerName":"Ann Token","isVideoCall":false,"fromId":"a","callId":"#1","expiresAt":%d,"peerExtended":false}`, t0+45_000))
	})
}

func TestI2_CallerNameIsCleanedAndBounded(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("A1", "b1")
		cs[0].ask("call:user", `{"to":"b","signal":{"x":1},"callerName":"\u202eAnn\u0007"}`)
		if got := cs[1].take(); len(got) != 1 || !strings.Contains(got[0], `"callerName":"Ann"`) {
			t.Errorf("got %q", got)
		}
		eq(t, "long name", cs[0].ask("call:user", `{"to":"b","signal":{"x":2},"callerName":"`+strings.Repeat("n", 257)+`"}`), "!bad_payload")
	})
}

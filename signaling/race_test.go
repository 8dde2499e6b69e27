package signaling

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// busily lifts the limits. Time is real here, so that nothing is sent by it: an
// online list would be on its way in the middle of a look.
func busily(s *setup) {
	s.CallsPerMinute, s.EventRate, s.PresenceInterval = 1<<20, 1e9, time.Hour
}

// TestC12_TwoDevicesAnswerAtOnce: exactly one wins, a thousand times.
func TestC12_TwoDevicesAnswerAtOnce(t *testing.T) {
	w := newWorld(t, busily)
	cs := w.all("A1", "B1", "B2")
	for i := range 1000 {
		got := cs[0].ask("call:user", ringing("b", offer(i+1)))
		if want := fmt.Sprintf(`{"callId":"#%d","state":"ringing"}`, i+1); got != want {
			t.Fatalf("round %d: %s", i, got)
		}
		id := w.id(i + 1)
		var wg sync.WaitGroup
		acks := make([]string, 2)
		for d := range acks {
			wg.Go(func() {
				acks[d] = cs[1+d].ask("call:answer", fmt.Sprintf(`{"to":"a","callId":%q,"signal":%s}`, id, reply(d+1)))
			})
		}
		wg.Wait()
		win := fmt.Sprintf(`{"callId":"#%d","state":"answered"}`, i+1)
		winner := 0
		if acks[1] == win {
			winner = 1
		}
		if acks[winner] != win || acks[1-winner] != "!already_answered" {
			t.Fatalf("round %d: acks %q", i, acks)
		}
		accepted := 0
		for _, ev := range cs[0].take() {
			if len(ev) > 13 && ev[:13] == "call:accepted" {
				accepted++
			}
		}
		if accepted != 1 {
			t.Fatalf("round %d: the caller heard %d answers", i, accepted)
		}
		cs[0].ask("call:end", `{}`)
		for _, c := range cs {
			c.take()
		}
	}
	w.nobodyBusy("a", "b")
}

// TestC8_BothRingAtOnce: there is one call, and both know which.
func TestC8_BothRingAtOnce(t *testing.T) {
	w := newWorld(t, busily)
	cs := w.all("A1", "B1")
	for i := range 500 {
		var wg sync.WaitGroup
		acks := make([]string, 2)
		for d, to := range []string{"b", "a"} {
			wg.Go(func() { acks[d] = cs[d].ask("call:user", ringing(to, offer(2*i+d+1))) })
		}
		wg.Wait()
		n, err := w.store.LiveCalls(t.Context())
		if n != 1 || err != nil {
			t.Fatalf("round %d: %d live calls (%v), acks %q", i, n, err, acks)
		}
		ringing, glare := fmt.Sprintf(`{"callId":"#%d","state":"ringing"}`, i+1), fmt.Sprintf(`{"callId":"#%d","state":"glare"}`, i+1)
		if (acks[0] != ringing || acks[1] != glare) && (acks[1] != ringing || acks[0] != glare) {
			t.Fatalf("round %d: acks %q", i, acks)
		}
		cs[0].ask("call:end", `{}`)
		for _, c := range cs {
			c.take()
		}
		w.nobodyBusy("a", "b")
	}
}

// TestC12_ManyGoroutines throws everything at once at a few users, and counts
// what is left when all have gone.
func TestC12_ManyGoroutines(t *testing.T) {
	w := newWorld(t, func(s *setup) { s.CallsPerMinute = 1 << 20; s.EventRate = 1e9; s.Tick = 5 * time.Millisecond })
	users := []string{"a", "b", "c", "d"}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			name := fmt.Sprintf("%s%d", string("ABcd"[g%4]), g/4)
			user := users[g%4]
			c, err := w.tryJoin(name, identity(user))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			for i := range 150 {
				to := users[(g+i)%4]
				switch (g*7 + i*13) % 11 {
				case 0, 1, 2:
					c.emit("call:user", ringing(to, offer(g*1000+i+1)))
				case 3, 4:
					c.emit("call:answer", `{"to":"`+to+`","signal":`+reply(g*1000+i+1)+`}`)
				case 5:
					c.emit("call:end", `{"to":"`+to+`"}`)
				case 6:
					c.emit("call:rejected", `{"to":"`+to+`"}`)
				case 7:
					c.emit("typing", typingTo(to))
				case 8:
					c.sess.Away()
					c.sess.Back()
				case 9:
					if c.sess.Closed(i%2 == 0); true {
						if c, err = w.tryJoin(name, identity(user)); err != nil {
							t.Errorf("%s again: %v", name, err)
							return
						}
					}
				case 10:
					c.emit("presence:watch", `{"users":["a","b","c","d"]}`)
				}
			}
			c.sess.Closed(true)
		})
	}
	wg.Wait()
	w.nobodyBusy(users...)
	if n := w.sw.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if n := len(w.sw.watched); n != 0 {
		t.Errorf("%d watches are left", n)
	}
}

// TestC4_PropertyNobodyStaysBusy plays random sessions and links: whatever
// happened, in the end nobody is busy, every busy mark on the way points to a
// live call of that user, and each call was logged once.
func TestC4_PropertyNobodyStaysBusy(t *testing.T) {
	names := []string{"A1", "a2", "b1", "B2", "c1", "C2"}
	users := []string{"a", "b", "c"}
	rapid.Check(t, func(rt *rapid.T) {
		now := time.UnixMilli(t0)
		var mu sync.Mutex
		clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		w := newWorld(t, func(s *setup) {
			s.Now = clock
			s.Tick, s.CallsPerMinute, s.EventRate = time.Hour, 1<<20, 1e9
		})
		defer w.sw.Close()
		devices := map[string]*client{}
		pick := func() *client {
			n := rapid.SampledFrom(names).Draw(rt, "device")
			if devices[n] == nil || devices[n].sess.now() == closed {
				devices[n] = w.join(n)
			}
			return devices[n]
		}
		user := func() string { return rapid.SampledFrom(users).Draw(rt, "user") }
		num := func() int { return rapid.IntRange(1, 4).Draw(rt, "n") }
		rt.Repeat(map[string]func(*rapid.T){
			"call":  func(*rapid.T) { pick().emit("call:user", ringing(user(), offer(num()))) },
			"trick": func(*rapid.T) { pick().emit("call:user", ringing(user(), `{"candidate":`+candidate(num())+`}`)) },
			"keyed": func(*rapid.T) {
				pick().emit("call:user", ringing(user(), offer(num()), fmt.Sprintf(`"callId":"k%d"`, num())))
			},
			"answer": func(*rapid.T) { pick().emit("call:answer", `{"to":"`+user()+`","signal":`+reply(num())+`}`) },
			"end":    func(*rapid.T) { pick().emit("call:end", `{"to":"`+user()+`"}`) },
			"reject": func(*rapid.T) { pick().emit("call:rejected", `{"to":"`+user()+`"}`) },
			"away":   func(*rapid.T) { pick().sess.Away() },
			"back":   func(*rapid.T) { pick().sess.Back() },
			"close":  func(rt *rapid.T) { pick().sess.Closed(rapid.Bool().Draw(rt, "clean")) },
			"reload": func(*rapid.T) {
				old := pick()
				devices[old.name] = w.join(old.name)
			},
			"later": func(rt *rapid.T) {
				mu.Lock()
				now = now.Add(time.Duration(rapid.IntRange(1, 50_000).Draw(rt, "ms")) * time.Millisecond)
				mu.Unlock()
				w.sw.due(t.Context())
				_ = w.store.Renew(t.Context())
				_ = w.store.Sweep(t.Context())
			},
			"": func(rt *rapid.T) {
				for _, u := range users {
					m, _ := w.store.Mark(t.Context(), u)
					if m == "" {
						continue
					}
					c, err := w.store.Load(t.Context(), m)
					if err != nil || !c.Live() || c.RoleOf(u) == 0 {
						rt.Fatalf("%s is busy with %q, which is no live call of it (%v)", u, m, err)
					}
				}
			},
		})
		// All go, in one way or the other; a dialect ends those that do not come
		// back once their window is over.
		for _, n := range names {
			if c := devices[n]; c == nil {
				continue
			} else if rapid.Bool().Draw(rt, "vanishes") {
				c.sess.Away()
			} else {
				c.sess.Closed(true)
			}
		}
		mu.Lock()
		now = now.Add(2 * time.Minute)
		mu.Unlock()
		w.sw.due(t.Context())
		for _, n := range names {
			if c := devices[n]; c != nil {
				c.sess.Closed(false)
			}
		}
		if left := w.leftBehind(users...); left != "" {
			rt.Fatal(left)
		}
		seen := map[string]bool{}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, r := range w.log {
			if seen[r.ID] {
				rt.Fatalf("call %s was logged twice", r.ID)
			}
			seen[r.ID] = true
		}
	})
}

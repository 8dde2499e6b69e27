package signaling

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
)

// outage is a store of messages that does not take records of calls for a while.
type outage struct {
	chat.Store

	mu    sync.Mutex
	away  bool
	tries int
}

func (o *outage) LogCall(ctx context.Context, r call.Record) error {
	o.mu.Lock()
	away := o.away
	o.tries++
	o.mu.Unlock()
	if away {
		return chat.ErrUnavailable
	}
	return o.Store.LogCall(ctx, r)
}

func (o *outage) set(away bool) (tries int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away, tries, o.tries = away, o.tries, 0
	return tries
}

// outageWorld is a world whose store is away at first.
func outageWorld(t *testing.T, nodes int) (*world, *outage, *settledStores) {
	t.Helper()
	store := openChat(t)
	o, watched := &outage{Store: store, away: true}, &settledStores{}
	w := newWorldOf(t, nodes, func(s *setup) {
		s.chat, s.Renew = o, 20*time.Millisecond
		s.wrap = func(p presence.Store) presence.Store { return &settledStore{Store: p, all: watched} }
	})
	return w, o, watched
}

// settledStores gathers which calls were settled.
type settledStores struct {
	mu  sync.Mutex
	ids []string
}

func (s *settledStores) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ids)
}

type settledStore struct {
	presence.Store
	all *settledStores
}

func (s *settledStore) Settled(ctx context.Context, id string) {
	s.all.mu.Lock()
	s.all.ids = append(s.all.ids, id)
	s.all.mu.Unlock()
	s.Store.Settled(ctx, id)
}

// until polls with a deadline.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

func logOf(t *testing.T, store chat.CallLog, user string) []chat.LoggedCall {
	t.Helper()
	list, _, err := store.Calls(t.Context(), user, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestC14_RecordsWaitForTheirStore: also if a late device still asks for something
// of a call meanwhile.
func TestC14_RecordsWaitForTheirStore(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			w, o, settled := outageWorld(t, nodes)
			const calls = 5
			for i := range calls {
				a, b := w.join(string(rune('A'+i))+"1"), w.join(string(rune('K'+i))+"1")
				peer := strings.ToLower(b.name[:1])
				if got := a.asks("call:user", ringing(peer, offer(1))); !strings.Contains(got, `"state":"ringing"`) {
					t.Fatal(got)
				}
				until(t, "it rings", func() bool { return strings.Contains(strings.Join(b.messageEvents(), " "), "call:incoming") })
				answer := fmt.Sprintf(`{"to":%q,"signal":%s}`, strings.ToLower(a.name[:1]), reply(2))
				if i%2 == 0 {
					b.asks("call:answer", answer)
				}
				a.asks("call:end", fmt.Sprintf(`{"to":%q}`, peer))
				if i%2 == 0 {
					w.mu.Lock()
					for w.nodes[(w.n+1)%nodes] != b.sess.sw {
						w.n++
					}
					w.mu.Unlock()
					w.join(b.name) // the page was reloaded: it is told again
				} else {
					b.asks("call:answer", answer) // too late
				}
			}
			o.mu.Lock()
			o.tries = 0
			o.mu.Unlock()
			until(t, "it is tried again", func() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.tries >= 5 })
			if n := settled.len(); n != 0 || len(logOf(t, o, "a")) != 0 {
				t.Fatalf("%d calls are settled whose records nobody has", n)
			}
			o.set(false)
			for i := range calls {
				user := string(rune('k' + i))
				until(t, "it is logged", func() bool { return len(logOf(t, o, user)) > 0 })
				if list := logOf(t, o, user); len(list) != 1 || list[0].Missed != (i%2 == 1) {
					t.Errorf("%s: %+v", user, list)
				}
			}
			if nodes > 1 {
				until(t, "they are settled", func() bool { return settled.len() >= calls })
			}
		})
	}
}

// TestC14_WhatANodeLeaves: a lone node that is stopped ends its calls, and what
// waited for the store is kept before it goes.
func TestC14_WhatANodeLeaves(t *testing.T) {
	w, o, _ := outageWorld(t, 1)
	a, b := w.join("A1"), w.join("B1")
	c, d := w.join("C1"), w.join("D1")
	ring := func(from, to *client) {
		if got := from.asks("call:user", ringing(strings.ToLower(to.name[:1]), offer(1))); !strings.Contains(got, `"state":"ringing"`) {
			t.Fatal(got)
		}
	}
	ring(a, b)
	a.asks("call:end", `{"to":"b"}`)
	until(t, "it is tried", func() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.tries > 0 })
	ring(c, d)
	if got := d.asks("call:answer", fmt.Sprintf(`{"to":"c","signal":%s}`, reply(2))); !strings.Contains(got, `"answered"`) {
		t.Fatal(got)
	}
	o.set(false)
	w.sw.Leave()
	for _, x := range []*client{a, b, c, d} {
		x.sess.Closed(false)
	}
	w.sw.Close()
	if list := logOf(t, o, "b"); len(list) != 1 || list[0].Reason != call.Cancelled {
		t.Errorf("the call that had ended: %+v", list)
	}
	if list := logOf(t, o, "d"); len(list) != 1 || list[0].Reason != call.Lost || list[0].Answered.IsZero() || list[0].Missed {
		t.Errorf("the call that was cut off: %+v", list)
	}
}

// openChat opens a file of messages that is closed with the test.
func openChat(t *testing.T) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.DefaultConfig(t.TempDir()+"/chat.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

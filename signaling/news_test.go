package signaling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// listener is a Notifier that remembers, for one node or for all.
type listener struct {
	mu   sync.Mutex
	list []News
	fail bool
	hold chan struct{} // not nil: Notify waits for it
}

func (*listener) Name() string { return "test" }

func (l *listener) Notify(ctx context.Context, list []News) error {
	l.mu.Lock()
	hold := l.hold
	l.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail {
		return errors.New("not now")
	}
	l.list = append(l.list, list...)
	return nil
}

func (l *listener) set(fail bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
}

// all lets a listener hear all nodes.
func (l *listener) all(s *setup) { s.notify = func(string) Notifier { return l } }

// take takes what was told, as "type who", calls with their state of affairs.
func (l *listener) take(w *world) string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	var out []string
	for _, n := range l.list {
		if seen[n.ID] && len(w.nodes) == 1 {
			w.t.Errorf("%s was told twice: %+v", n.Type, n)
		}
		if seen[n.ID] { // two nodes have noticed: outboxes know it by the id
			continue
		}
		seen[n.ID] = true
		s := string(n.Type)
		switch {
		case n.Call != nil:
			s += " " + n.Call.Caller + ">" + n.Call.Callee
			if n.Type == NewsEnded || n.Type == NewsMissed {
				s += " " + string(n.Call.Reason)
			}
			if n.ID != CallNewsID(n.Type, n.Call.ID) || n.Lane != "call/"+n.Call.ID {
				w.t.Errorf("%s has id %s and lane %s", n.Type, n.ID, n.Lane)
			}
		case n.Message != nil:
			s += " " + n.Lane + " " + n.Message.Text
		default:
			s += " " + n.Presence.User
		}
		if n.Offline {
			s += " offline"
		}
		out = append(out, s)
	}
	l.list = nil
	return strings.Join(out, ", ")
}

// calls is take without who comes and goes.
func (l *listener) calls(w *world) string {
	var out []string
	for s := range strings.SplitSeq(l.take(w), ", ") {
		if !strings.HasPrefix(s, "presence.") {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

func TestM9_NewsOfACall(t *testing.T) {
	l := &listener{}
	play(t, l.all, func(w *world) {
		cs := w.all("A1", "b1", "B2", "c1")
		cs[0].ask("call:user", ringing("b", offer(1), `"metadata":{"x":1}`))
		w.pass(time.Second)
		cs[1].emit("call:answer", `{"to":"a","signal":`+reply(2)+`}`)
		cs[0].emit("call:user", ringing("b", candidate(1))) // no news
		cs[3].emit("call:user", ringing("b", offer(3)))
		w.pass(time.Second)
		cs[0].emit("call:end", `{"to":"b"}`)
		cs[1].emit("call:end", `{"to":"a"}`) // late
		eq(t, "what was told", l.calls(w), "call.ringing a>b, call.answered a>b, call.ended c>b busy, call.missed c>b busy, call.ended a>b hangup")
	})
}

func TestM9_NewsOfMessages(t *testing.T) {
	l := &listener{}
	store := openChat(t)
	for _, nodes := range []int{1, 3} {
		w := newWorldOf(t, nodes, func(s *setup) { s.chat = store; l.all(s) })
		told := func() string {
			var got string
			until(t, "the news", func() bool {
				l.mu.Lock()
				for _, n := range l.list {
					if n.Type == NewsMessage {
						got = fmt.Sprintf("%s %s offline=%t %s", n.Lane, n.Message.Text, n.Offline, n.Author)
					}
				}
				if got != "" {
					l.list = nil
				}
				l.mu.Unlock()
				return got != ""
			})
			return got
		}
		write := func(c *client, what string) { // not in a bubble: a real store
			c.receive("message:send", nil, what)
			c.sess.Idle()
		}
		cs := []*client{w.join("B1"), w.join("a1"), w.join("D1")}
		write(cs[0], `{"to":"a","text":"one","clientId":"x`+fmt.Sprint(nodes)+`"}`)
		eq(t, "one", told(), `talk/a/b one offline=false {"_id":"b"}`)
		write(cs[0], `{"to":"nobody","text":"two"}`)
		eq(t, "two", told(), `talk/b/nobody two offline=true {"_id":"b"}`)
		write(cs[0], `{"to":"a","text":"one","clientId":"x`+fmt.Sprint(nodes)+`"}`) // again: no news
		cs[2].sess.Away()
		write(cs[0], `{"to":"d","text":"three"}`)
		eq(t, "three", told(), `talk/b/d three offline=true {"_id":"b"}`)
	}
}

// Who comes back within the grace was never gone; who has two devices comes once.
func TestP5_PresenceNewsDoNotFlap(t *testing.T) {
	l := &listener{}
	play(t, l.all, func(w *world) {
		b := w.join("b1")
		w.join("B2").sess.Closed(true)
		eq(t, "news", l.take(w), "presence.online b")
		for range 5 {
			b.sess.Away()
			w.pass(2 * time.Second)
			b.sess.Back()
			w.pass(time.Second)
		}
		b.sess.Closed(false) // its window is over
		w.pass(2 * time.Second)
		b = w.join("b3")
		w.pass(10 * time.Second)
		eq(t, "news after it was lost and back", l.take(w), "")
		b.sess.Closed(false)
		w.pass(4 * time.Second)
		eq(t, "news within the grace", l.take(w), "")
		w.pass(2 * time.Second)
		eq(t, "news after it", l.take(w), "presence.offline b")
		w.join("b4").sess.Closed(true)
		eq(t, "news of a clean end", l.take(w), "presence.online b, presence.offline b")
	})
}

// A notifier that fails gets the same again; what is told meanwhile comes after it.
func TestM9_NewsAreToldAgain(t *testing.T) {
	l := &listener{}
	playAlone(t, l.all, func(w *world) {
		l.set(true)
		b := w.join("b1")
		b.sess.Closed(true)
		w.pass(3 * time.Second)
		l.set(false)
		w.pass(time.Second)
		eq(t, "told", l.take(w), "presence.online b, presence.offline b")
	})
}

// A notifier that hangs holds up nobody; when its queue is full news are dropped,
// and counted.
func TestM9_SlowNotifierBlocksNobody(t *testing.T) {
	l := &listener{}
	playAlone(t, l.all, func(w *world) {
		l.mu.Lock()
		l.hold = make(chan struct{})
		l.mu.Unlock()
		cs := w.all("a1", "b1")
		cs[0].emit("call:user", ringing("b", offer(1)))
		cs[1].hears("call:incoming")
		cs[0].emit("call:end", `{"to":"b"}`)
		synctest.Wait() // what there is to tell of that waits
		q := w.sw.news[0]
		q.mu.Lock()
		before := len(q.waiting)
		q.mu.Unlock()
		if before < 2+3 { // two came, one call
			t.Errorf("%d news wait, want %d", before, 2+3)
		}
		for i := range int64(maxNews + 100) {
			w.sw.Flipped(presence.State{User: "x"}, i+1)
		}
		if n := testutil.ToFloat64(w.sw.metrics.newsDropped.WithLabelValues("test")); n != float64(100+before) {
			t.Errorf("%v news were dropped, want %v", n, 100+before)
		}
		l.mu.Lock()
		close(l.hold)
		l.hold = nil
		l.mu.Unlock()
		w.pass(time.Second)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.list) != maxNews {
			t.Errorf("%d news were told, want %d", len(l.list), maxNews)
		}
		l.list = nil
	})
}

// A call is settled only when its end was told: until then it comes back, on any
// node.
func TestC14_SettledWhenItsEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, settled := &listener{}, &settledStores{}
		w := newWorldOf(t, 2, func(s *setup) {
			l.all(s)
			s.wrap = func(p presence.Store) presence.Store { return &settledStore{Store: p, all: settled} }
		})
		cs := w.all("a1", "b1")
		cs[0].emit("call:user", ringing("b", offer(1)))
		l.set(true)
		cs[0].emit("call:end", `{"to":"b"}`)
		w.pass(3 * time.Second)
		if n := settled.len(); n != 0 {
			t.Error("a call is settled of whose end nobody was told")
		}
		l.set(false)
		w.pass(time.Second)
		eq(t, "told", l.calls(w), "call.ringing a>b, call.ended a>b cancelled, call.missed a>b cancelled")
		if n := settled.len(); n != 1 {
			t.Errorf("it was settled %d times, want once", n)
		}
	})
}

// What goes on when a node that is alone ends is told as lost.
func TestC14_CutOffIsTold(t *testing.T) {
	l := &listener{}
	playAlone(t, l.all, func(w *world) {
		cs := w.all("a1", "b1")
		cs[0].emit("call:user", ringing("b", offer(1)))
		l.take(w)
		w.sw.Leave()
		w.sw.Close()
		eq(t, "told", l.calls(w), "call.ended a>b lost, call.missed a>b lost")
	})
}

// leftBehindCalls is a store that knows of calls which a predecessor was killed
// with.
type leftBehindCalls struct{ chat.LiveCalls }

func (leftBehindCalls) Interrupted(context.Context) ([]call.Record, error) {
	at := time.UnixMilli(t0)
	return []call.Record{
		{ID: "rang", Caller: "a", Callee: "b", Reason: call.Lost, Started: at, Ended: at},
		{ID: "went on", Caller: "c", Callee: "d", Reason: call.Lost, Started: at, Answered: at, Ended: at},
		{ID: "unheard", Caller: "e", Callee: "f", Reason: unheard + call.Lost, Started: at, Ended: at},
	}, nil
}

func (leftBehindCalls) KeepLive(context.Context, time.Time, []call.Record, []string) error {
	return nil
}

// What a node that was killed took with it is told by its successor.
func TestC14_InterruptedIsTold(t *testing.T) {
	l := &listener{}
	playAlone(t, func(s *setup) { l.all(s); s.live = leftBehindCalls{} }, func(w *world) {
		eq(t, "told", l.calls(w), "call.ended a>b lost, call.missed a>b lost, call.ended c>d lost, call.ended e>f lost")
	})
}

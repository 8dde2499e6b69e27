package signaling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// twoNodes are two switchboards that share one cluster.
func twoNodes(t testing.TB) (a, b *Switchboard) {
	t.Helper()
	c, err := memory.New(memory.Config{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	wh := wheel.New(wheel.Config{Tick: 10 * time.Millisecond})
	t.Cleanup(wh.Close)
	node := func(name string) *Switchboard {
		sw, err := New(Config{}, Parts{Wheel: wh}, func(h presence.Handler) (presence.Store, error) { return c.Join(name, h) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sw.Close)
		return sw
	}
	return node("a"), node("b")
}

// question is one that only tests ask.
const testQuestion Question = 200

func TestAsk_IsAnsweredByTheNodeWithTheTag(t *testing.T) {
	a, b := twoNodes(t)
	b.Answer(testQuestion, func(from presence.Peer, body []byte) ([]byte, error) {
		if from != a.Node().Peer {
			return nil, fmt.Errorf("asked by %v", from)
		}
		return append([]byte("got "), body...), nil
	})
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			got, err := a.Ask(t.Context(), b.Tag(), testQuestion, []byte(fmt.Sprint(i)))
			if want := fmt.Sprintf("got %d", i); err != nil || string(got) != want {
				t.Errorf("%q %v, want %q", got, err, want)
			}
		})
	}
	all.Wait()
	if n := len(a.asking.waiting); n != 0 {
		t.Errorf("%d questions still wait", n)
	}
}

func TestAsk_WhoCanNotAnswer(t *testing.T) {
	a, b := twoNodes(t)
	b.Answer(testQuestion, func(_ presence.Peer, body []byte) ([]byte, error) {
		if string(body) == "panic" {
			panic("at the question")
		}
		return nil, errors.New("not today")
	})
	for tag, want := range map[string]error{"": ErrNoAnswer, "nobody": ErrNoAnswer, a.Tag(): ErrNoAnswer, b.Tag(): ErrRefused} {
		if _, err := a.Ask(t.Context(), tag, testQuestion, nil); !errors.Is(err, want) {
			t.Errorf("tag %q: %v, want %v", tag, err, want)
		}
	}
	if _, err := a.Ask(t.Context(), b.Tag(), testQuestion, []byte("panic")); !errors.Is(err, ErrRefused) {
		t.Errorf("panic: %v", err)
	}
	if _, err := a.Ask(t.Context(), b.Tag(), testQuestion+1, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("unknown question: %v", err)
	}
	if !errors.Is(ErrNoAnswer, presence.ErrUnavailable) {
		t.Error("no answer is not unavailable")
	}
}

func TestAsk_DoesNotOutliveItsContextOrTheNode(t *testing.T) {
	a, b := twoNodes(t)
	asked, hold := make(chan struct{}, 2), make(chan struct{})
	defer close(hold)
	b.Answer(testQuestion, func(presence.Peer, []byte) ([]byte, error) {
		asked <- struct{}{}
		<-hold
		return nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() {
		_, err := a.Ask(ctx, b.Tag(), testQuestion, nil)
		ended <- err
	}()
	<-asked
	cancel()
	if err := <-ended; !errors.Is(err, ErrNoAnswer) {
		t.Errorf("cancelled: %v", err)
	}
	go func() {
		_, err := a.Ask(t.Context(), b.Tag(), testQuestion, nil)
		ended <- err
	}()
	<-asked
	a.closeAsking()
	if err := <-ended; !errors.Is(err, ErrNoAnswer) {
		t.Errorf("closed: %v", err)
	}
	if _, err := a.Ask(t.Context(), b.Tag(), testQuestion, nil); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("after the end: %v", err)
	}
}

// TestAsk_LateQuestionsAreNotAnswered: answers have effects, and nobody would
// hear of them.
func TestAsk_LateQuestionsAreNotAnswered(t *testing.T) {
	a, b := twoNodes(t)
	calls := make(chan string, 10)
	b.Answer(testQuestion, func(_ presence.Peer, body []byte) ([]byte, error) {
		calls <- string(body)
		return nil, nil
	})
	now := b.store.Now()
	b.asked(a.Node().Peer, appendAsk(nil, testQuestion, 1, now.Add(-time.Millisecond).UnixMilli(), []byte("late")))
	b.asked(a.Node().Peer, appendAsk(nil, testQuestion, 2, now.Add(time.Minute).UnixMilli(), []byte("in time")))
	if got := <-calls; got != "in time" {
		t.Errorf("answered %q", got)
	}
	a.replied(appendReply(nil, 99, false, nil)) // to a question that nobody waits for
	a.replied([]byte{9})
	b.asked(a.Node().Peer, nil)
}

// TestAsk_QuestionsThatWaitedForOthersMayBeLate: a session would be handed over to
// nobody.
func TestAsk_QuestionsThatWaitedForOthersMayBeLate(t *testing.T) {
	playOn(t, 2, nil, func(w *world) {
		a, b := w.nodes[0], w.nodes[1]
		hold, calls := make(chan struct{}), make(chan string, maxAnswering+2)
		b.Answer(testQuestion, func(_ presence.Peer, body []byte) ([]byte, error) {
			<-hold
			calls <- string(body)
			return nil, nil
		})
		var all sync.WaitGroup
		ask := func(body string, wait time.Duration) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(w.t.Context(), wait)
				defer cancel()
				_, err := a.Ask(ctx, b.Tag(), testQuestion, []byte(body))
				if late := body == "late"; late != errors.Is(err, ErrNoAnswer) {
					t.Errorf("%s: %v", body, err)
				}
			})
			w.settle()
		}
		for range maxAnswering {
			ask("first", time.Second)
		}
		ask("late", 100*time.Millisecond)
		ask("last", time.Second)
		w.pass(200 * time.Millisecond)
		close(hold)
		all.Wait()
		close(calls)
		for got := range calls {
			if got == "late" {
				t.Error("a question was answered for which nobody waits any more")
			}
		}
	})
}

// TestAsk_BackFromADeadNode: who asked does not wait for a node that died before
// it had the question.
func TestAsk_BackFromADeadNode(t *testing.T) {
	a, b := twoNodes(t)
	asked, hold := make(chan struct{}, 1), make(chan struct{})
	defer close(hold)
	b.Answer(testQuestion, func(presence.Peer, []byte) ([]byte, error) {
		asked <- struct{}{}
		<-hold
		return nil, nil
	})
	ended := make(chan error, 1)
	go func() {
		_, err := a.Ask(t.Context(), b.Tag(), testQuestion, nil)
		ended <- err
	}()
	<-asked
	a.Undelivered(b.Node().Peer, kindAsk, appendAsk(nil, testQuestion, 1, 0, nil))
	if err := <-ended; !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%v", err)
	}
}

func TestTag_OnlyAmongOthers(t *testing.T) {
	a, b := twoNodes(t)
	if a.Tag() == "" || a.Tag() == b.Tag() || a.Tag() != a.Node().Tag {
		t.Errorf("tags %q and %q", a.Tag(), b.Tag())
	}
	if id := a.Tagged("x-y"); TagOf(id) != a.Tag() {
		t.Errorf("%q has the tag %q", id, TagOf(id))
	}
	if TagOf("none") != "" {
		t.Error("a tag without a hyphen")
	}
	alone := newWorld(t, nil).sw
	if alone.Tag() != "" || alone.Tagged("x") != "x" {
		t.Errorf("alone: %q", alone.Tag())
	}
}

func FuzzParseAsk(f *testing.F) {
	f.Add(appendAsk(nil, TakeJSON, 7, 1e12, []byte("body")))
	f.Add([]byte{1, 2, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		if what, id, until, body, ok := parseAsk(b); ok {
			w2, i2, u2, b2, ok := parseAsk(appendAsk(nil, what, id, until, body))
			if !ok || w2 != what || i2 != id || u2 != until || !bytes.Equal(b2, body) {
				t.Error("written and read it is another one")
			}
		}
	})
}

func FuzzParseReply(f *testing.F) {
	f.Add(appendReply(nil, 7, true, []byte("no")))
	f.Add([]byte{1, 0x80, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, refused, body, ok := parseReply(b); ok {
			i2, r2, b2, ok := parseReply(appendReply(nil, id, refused, body))
			if !ok || i2 != id || r2 != refused || !bytes.Equal(b2, body) {
				t.Error("written and read it is another one")
			}
		}
	})
}

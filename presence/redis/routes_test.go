package redis

import (
	"context"
	"slices"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// A remembered route that leads to a node that is gone is no answer, and absence
// least of all: who took the session over may have gone before it could tell.
func TestP2_RouteToADeadNodeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
	b.connect("bob", "s1")
	gone := presence.Session{ID: "s0", User: "bob", Device: "d", Node: "c", Epoch: "before"}
	a.routes.learn("bob", 1<<40, []presence.Session{gone}, a.peer())
	list, err := a.Routes(ctx, "bob")
	if err != nil || len(list) != 1 || list[0].ID != "s1" {
		t.Fatalf("bob is at %v, %v", list, err)
	}
}

// late holds the answer of the first question for the routes of a user back until
// release is closed; asked is closed when Redis has answered.
type late struct {
	key            string
	once           sync.Once
	asked, release chan struct{}
}

func (*late) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (*late) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (l *late) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		err := next(ctx, cmds)
		for _, c := range cmds {
			if slices.Contains(c.Args(), any("routes")) && slices.Contains(c.Args(), any(l.key)) {
				l.once.Do(func() {
					close(l.asked)
					<-l.release
				})
			}
		}
		return err
	}
}

// Who asks for the routes of a user after it is known here that they are other ones
// does not get the answer to a question that began before.
func TestP2_NoOlderQuestionIsJoined(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(a, b *node)
		want   int // sessions
	}{
		{"the user has changed", func(a, b *node) {
			changed := make(chan string, 10)
			a.handler.OnRoutes = func(user string) { changed <- user }
			b.connect("bob", "s2")
			if user := <-changed; user != "bob" {
				t.Errorf("%s has changed", user)
			}
		}, 2},
		{"all is in doubt", func(a, b *node) { a.gotForget(b.peer(), []byte{0}) }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			rs := redistest.Start(t)
			a, b := newNode(t, faultConfig(rs.URL()), "a"), newNode(t, faultConfig(rs.URL()), "b")
			b.connect("bob", "s1")
			l := &late{key: a.keys.sessions("bob"), asked: make(chan struct{}), release: make(chan struct{})}
			release := sync.OnceFunc(func() { close(l.release) })
			t.Cleanup(release)
			a.rdb.AddHook(l)
			ask := func() chan int {
				got := make(chan int, 1)
				go func() {
					list, err := a.Routes(ctx, "bob")
					if err != nil {
						t.Error(err)
					}
					got <- len(list)
				}()
				return got
			}
			question := func() *fill {
				sh := a.routes.shard("bob")
				sh.mu.RLock()
				defer sh.mu.RUnlock()
				return sh.filling["bob"]
			}
			first := ask()
			<-l.asked
			older := question()
			test.change(a, b)
			second := ask()
			until(t, "the one that asks later has a question of its own", func() bool { return question() != older })
			release()
			if n := <-first; n != 1 {
				t.Errorf("the first answer: %d sessions", n)
			}
			if n := <-second; n != test.want {
				t.Errorf("the second answer: %d sessions, want %d", n, test.want)
			}
			if list, err := a.Routes(ctx, "bob"); err != nil || len(list) != test.want {
				t.Errorf("then: %v, %v", list, err)
			}
			if question() != nil {
				t.Error("a question is left")
			}
		})
	}
}

// A question that was overtaken by another one leaves alone what is noted for that:
// its answer is not remembered if the user has changed after it.
func TestP2_QuestionsOverlap(t *testing.T) {
	t.Parallel()
	var c routes
	c.init(100)
	self := presence.Peer{Name: "a", Epoch: "e"}
	type question struct {
		asked, done chan struct{}
		answer      chan int64 // the version
	}
	ask := func() question {
		q := question{make(chan struct{}), make(chan struct{}), make(chan int64)}
		go func() {
			defer close(q.done)
			_, _ = c.fill("bob", self, func() (int64, []presence.Session, error) {
				close(q.asked)
				return <-q.answer, []presence.Session{{ID: "s", User: "bob", Node: "b", Epoch: "e"}}, nil
			})
		}()
		<-q.asked
		return q
	}
	first := ask()
	c.forget("bob", 2)
	second := ask()
	first.answer <- 1
	<-first.done
	if !c.forget("bob", 3) {
		t.Error("nobody is told, though a question is on its way")
	}
	second.answer <- 2
	<-second.done
	if r, _ := c.get("bob"); r != nil {
		t.Errorf("version %d is remembered", r.ver)
	}
	third := ask()
	third.answer <- 3
	<-third.done
	if r, fresh := c.get("bob"); !fresh || r.ver != 3 {
		t.Errorf("remembered: %v, %v", r, fresh)
	}
}

package signaling

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/permit"
)

// gate is the endpoint of a site that says who may call and message whom. A
// question about a held user is answered when the test says so.
type gate struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	asked []string
	says  map[string]string // by who is called or messaged; "" allows
	held  map[string]chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{t: t, says: map[string]string{}, held: map[string]chan struct{}{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var q struct{ Action, From, To string }
		if err := json.Unmarshal(text, &q); err != nil {
			t.Error(err)
		}
		g.mu.Lock()
		g.asked = append(g.asked, q.Action+" "+q.From+">"+q.To)
		says, wait := g.says[q.To], g.held[q.To]
		g.mu.Unlock()
		if wait != nil {
			select {
			case <-wait:
			case <-r.Context().Done():
			}
		}
		if says == "" {
			says = `{"allow":true}`
		}
		_, _ = io.WriteString(w, says)
	}))
	t.Cleanup(g.Close)
	return g
}

// hold lets questions about a user wait until the function returned is called.
func (g *gate) hold(user string) (answer func()) {
	c := make(chan struct{})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held[user] = c
	return func() { close(c) }
}

// waitsFor returns when that has been asked.
func (g *gate) waitsFor(question string) {
	g.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		g.mu.Lock()
		n := strings.Count(strings.Join(g.asked, "\n")+"\n", question+"\n")
		g.mu.Unlock()
		if n > 0 {
			return
		}
		time.Sleep(time.Millisecond) // polling with a deadline
	}
	g.t.Fatalf("%s was not asked", question)
}

func (g *gate) questions() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.asked, ", ")
}

// gatedWorld is a world whose nodes ask a gate. Its time is real.
func gatedWorld(t *testing.T, nodes int, change func(*setup), more ...func(*permit.Config)) (*world, *gate) {
	t.Helper()
	g := newGate(t)
	store := openChat(t)
	cfg := permit.Config{URL: g.URL, Secret: "a secret of the site", Timeout: 20 * time.Second}
	for _, f := range more {
		f(&cfg)
	}
	asker, err := permit.New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(asker.Close)
	return newWorldOf(t, nodes, func(s *setup) {
		s.chat, s.permits = store, asker
		if change != nil {
			change(s)
		}
	}), g
}

// onNodes runs a test on one node and on three.
func onNodes(t *testing.T, f func(t *testing.T, nodes int)) {
	t.Helper()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { f(t, n) })
	}
}

// says sends an event that is not answered.
func (c *client) says(event, arg string) {
	c.receive(event, nil, arg)
	c.sess.Idle()
}

// begins sends an event; the answer comes later.
func (c *client) begins(event, arg string) lateAnswer {
	a := make(lateAnswer, 1)
	c.receive(event, a, arg)
	c.sess.Idle()
	return a
}

func (a lateAnswer) get(t *testing.T) string {
	t.Helper()
	select {
	case got := <-a:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
		return ""
	}
}

func (a lateAnswer) open(t *testing.T) {
	t.Helper()
	select {
	case got := <-a:
		t.Fatalf("answered %s, want nothing yet", got)
	default:
	}
}

package signaling

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is when every bubble of testing/synctest begins, in milliseconds.
const t0 = 946684800000

// world is a switchboard over presence/memory, inside a synctest bubble: its
// clock stands still until the test sleeps.
type world struct {
	t     testing.TB
	sw    *Switchboard // of the first node
	nodes []*Switchboard
	store presence.Store
	n     int // sessions made

	mu  sync.Mutex
	log []call.Record
	ids map[string]string // call id -> "#1", "#2" in the order of appearance
}

// setup is what a test may change before the switchboard is made.
type setup struct {
	Config
	verify  func(ctx context.Context, token string) (*auth.Identity, error)
	wrap    func(presence.Store) presence.Store
	chat    chat.Store
	live    chat.LiveCalls
	permits Permits
	notify  func(node string) Notifier
	wakes   func(context.Context, string) (bool, error)
}

// play runs f in worlds of their own, with a clock that f turns by sleeping: on
// one node, and with the devices spread over three.
func play(t *testing.T, change func(*setup), f func(w *world)) {
	t.Helper()
	playAlone(t, change, f)
	t.Run("three nodes", func(t *testing.T) { playOn(t, 3, change, f) })
}

// playAlone is play on one node, for what is about that node's own.
func playAlone(t *testing.T, change func(*setup), f func(w *world)) {
	t.Helper()
	t.Run("one node", func(t *testing.T) { playOn(t, 1, change, f) })
}

func playOn(t *testing.T, nodes int, change func(*setup), f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorldOf(t, nodes, change)) })
}

// newWorld makes a switchboard that ends with the test.
func newWorld(t testing.TB, change func(*setup)) *world {
	t.Helper()
	return newWorldOf(t, 1, change)
}

// newWorldOf makes that many nodes, which share one store.
func newWorldOf(t testing.TB, nodes int, change func(*setup)) *world {
	t.Helper()
	w := &world{t: t, ids: map[string]string{}}
	var s setup
	if change != nil {
		change(&s)
	}
	cluster, err := memory.New(memory.Config{Now: s.Now, Shared: nodes > 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		w.addNode(fmt.Sprintf("node%d", i), cluster, &s)
	}
	w.sw = w.nodes[0]
	return w
}

func (w *world) addNode(name string, cluster *memory.Cluster, s *setup) {
	t := w.t
	t.Helper()
	wh := wheel.New(wheel.Config{Tick: 10 * time.Millisecond})
	var notifiers []Notifier
	if s.notify != nil {
		notifiers = []Notifier{s.notify(name)}
	}
	sw, err := New(s.Config, Parts{Wheel: wh, Verify: s.verify, CallLog: w.logged, Chat: s.chat, LiveCalls: s.live, Permits: s.permits, Wakes: s.wakes, Notifiers: notifiers}, func(h presence.Handler) (presence.Store, error) {
		m, err := cluster.Join(name, h)
		if err != nil {
			return nil, err
		}
		var store presence.Store = m
		if s.wrap != nil {
			store = s.wrap(m)
		}
		if w.store == nil {
			w.store = store
		}
		return store, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.nodes = append(w.nodes, sw)
	t.Cleanup(func() {
		sw.Close()
		wh.Close()
	})
}

// settle waits until what nodes tell each other has arrived.
func (w *world) settle() {
	if len(w.nodes) > 1 {
		synctest.Wait()
	}
}

func (w *world) logged(r call.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, r)
}

// records takes the call log, one line a call.
func (w *world) records() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, r := range w.log {
		fmt.Fprintf(&b, "%s>%s %s;", r.Caller, r.Callee, r.Reason)
	}
	w.log = nil
	return b.String()
}

// pass turns the clock and waits until what was due has been done.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// nobodyBusy checks that nothing is left of any call (C4).
func (w *world) nobodyBusy(users ...string) {
	w.t.Helper()
	if left := w.leftBehind(users...); left != "" {
		w.t.Error(left)
	}
}

// leftBehind says what is left of calls, "" for nothing.
func (w *world) leftBehind(users ...string) (left string) {
	ctx := w.t.Context()
	if n, err := w.store.LiveCalls(ctx); n != 0 || err != nil {
		left += fmt.Sprintf("%d calls are live (%v), want none\n", n, err)
	}
	for _, u := range users {
		if m, err := w.store.Mark(ctx, u); m != "" || err != nil {
			left += fmt.Sprintf("%s holds busy mark %q (%v)\n", u, m, err)
		}
		if ids, err := w.store.CallsOf(ctx, u); len(ids) != 0 || err != nil {
			left += fmt.Sprintf("%s has live calls %q (%v)\n", u, ids, err)
		}
	}
	return left
}

var idPattern = regexp.MustCompile(`"(callId|next|withCallId)":"([^"]+)"`)

// plain replaces the random ids of calls by #1, #2 …
func (w *world) plain(s string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return idPattern.ReplaceAllStringFunc(s, func(m string) string {
		p := idPattern.FindStringSubmatch(m)
		name, ok := w.ids[p[2]]
		if !ok {
			name = fmt.Sprintf("#%d", len(w.ids)+1)
			w.ids[p[2]] = name
		}
		return `"` + p[1] + `":"` + name + `"`
	})
}

// id is the real id of call #n.
func (w *world) id(n int) string {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	want := fmt.Sprintf("#%d", n)
	for id, name := range w.ids {
		if name == want {
			return id
		}
	}
	w.t.Fatalf("no call %s was seen", want)
	return ""
}

func offer(session int) string { return sdp("offer", session) }
func reply(session int) string { return sdp("answer", session) }

func sdp(typ string, session int) string {
	return fmt.Sprintf(`{"type":%q,"sdp":"v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\ns=-\r\n"}`, typ, session)
}

func candidate(n int) string {
	return fmt.Sprintf(`{"candidate":"candidate:%d 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"}`, n)
}

// ringing is the payload of call:user.
func ringing(to, signal string, more ...string) string {
	return fmt.Sprintf(`{"to":%q,"signal":%s%s}`, to, signal, strings.Join(append([]string{""}, more...), ","))
}

func eq(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n\t%s\nwant\n\t%s", what, got, want)
	}
}

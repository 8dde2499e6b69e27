package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// What is written to a Cluster, whose client likes to try again by itself, is
// carried out and its answer lost.

// received are payloads, in the order in which they came.
type received struct {
	mu   sync.Mutex
	list []string
}

func (r *received) receive(_ presence.Peer, _ presence.Kind, payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, string(payload))
}

func (r *received) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// An inbox takes a letter, the answer is lost, and it would refuse the letter now:
// what the next letter's sender is told to be taken is no repetition to the
// receiver.
func TestP3_AnswerOfAnAppendIsLost(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	k := keys{"tandem:"}
	owner := cluster.OwnerOf(cluster.SlotOf(k.lease("b")))
	proxy := cluster.Proxy(owner)
	var got received
	a := newBusNode(t, cluster.URL(), "a", &presencetest.Handler{})
	b := newBusNode(t, cluster.URL(), "b", &presencetest.Handler{OnReceive: got.receive})
	to := b.self()
	if err := loadScripts(context.Background(), a.pipe.rdb); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	sent := func(payload string) error {
		if err := a.send(to, 1, presence.Must, []byte(payload), func(err error) { answer <- err }); err != nil {
			return err
		}
		return <-answer
	}
	var lost atomic.Bool
	proxy.LoseAnswer("letter 1", func() {
		_, err := cluster.Masters[owner].Command("DEL", k.lease("b"))
		lost.Store(err == nil)
	})
	if err := sent("letter 1"); err == nil || !lost.Load() {
		t.Fatalf("nothing was tried: %v, %v", err, lost.Load())
	}
	b.lease()
	until(t, "a letter is taken", func() bool { return sent("letter 2") == nil })
	confirmed(t, a, b)
	if list := got.all(); !slices.Equal(list, []string{"letter 1", "letter 2"}) {
		t.Errorf("%q have arrived", list)
	}
}

// appends is a pipe to a Cluster, and an inbox in it.
type appends struct {
	*pipe
	inbox string
	cmds  []goredis.Cmder
}

func newAppends(t *testing.T, cluster *redistest.Cluster, to string, payloads ...string) *appends {
	t.Helper()
	direct := directlyAt(t, cluster.URL())
	if err := loadScripts(context.Background(), direct.rdb); err != nil {
		t.Fatal(err)
	}
	if err := direct.rdb.Set(context.Background(), direct.k.lease(to), "e", 0).Err(); err != nil {
		t.Fatal(err)
	}
	rdb, err := Connect(Config{URL: cluster.URL(), Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	h := newHealth(rdb, time.Second)
	a := &appends{pipe: newPipe(rdb, h, time.Second), inbox: direct.k.inbox(to, "e")}
	for _, p := range payloads {
		a.cmds = append(a.cmds, inboxAppend.cmd([]string{direct.k.lease(to), a.inbox}, "e", 100, inboxKeep.Milliseconds(), p))
	}
	t.Cleanup(func() {
		h.close()
		a.close()
		_ = rdb.Close()
	})
	return a
}

// check sends them, and looks whether each is in the inbox once, and none says that
// it is not.
func (a *appends) check(t *testing.T, master *redistest.Server) {
	t.Helper()
	_ = a.do(a.cmds...) // each has its own error
	for i, c := range a.cmds {
		if err := c.Err(); err == nil || isRefusal(err) {
			t.Errorf("append %d, which was carried out: %v", i, err)
		}
	}
	if n := master.MustCommand("XLEN", a.inbox); n != strconv.Itoa(len(a.cmds)) {
		t.Errorf("the inbox has %s entries, want %d", n, len(a.cmds))
	}
}

// The last attempt of several is the one of which nobody knows: what a command met
// in those before does not count.
func TestP3_AnswersOfTheLastAttemptAreLost(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	k := keys{"tandem:"}
	proxies := make([]*redistest.Proxy, len(cluster.Masters))
	for i := range proxies {
		proxies[i] = cluster.Proxy(i)
	}
	ownerOf := func(to string) int { return cluster.OwnerOf(cluster.SlotOf(k.lease(to))) }

	t.Run("after nothing", func(t *testing.T) {
		a, at := newAppends(t, cluster, "b1", "one", "two"), ownerOf("b1")
		proxies[at].LoseAnswer("two", nil)
		a.check(t, cluster.Masters[at])
	})
	t.Run("after the script was not known", func(t *testing.T) {
		a, at := newAppends(t, cluster, "b2", "one"), ownerOf("b2")
		cluster.Masters[at].MustCommand("SCRIPT", "FLUSH")
		proxies[at].LoseAnswer(inboxAppend.source, nil)
		a.check(t, cluster.Masters[at])
	})
	t.Run("after a master that could not be reached", func(t *testing.T) {
		a, at := newAppends(t, cluster, "b3", "one", "two"), ownerOf("b3")
		var node *goredis.Client
		fails := a.failDials(proxies[at].Addr, func(c *goredis.Client) { node = c })
		ctx := context.Background()
		if err := a.rdb.Get(ctx, k.lease("b3")).Err(); err != nil {
			t.Fatal(err)
		}
		taken := node.Conn() // the one that is there
		defer func() { _ = taken.Close() }()
		if err := taken.Ping(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		fails.Store(2) // one for pipelines, and one for all when that fails
		proxies[at].LoseAnswer("two", nil)
		a.check(t, cluster.Masters[at])
		if fails.Load() >= 0 {
			t.Error("it was reached at once")
		}
	})
	t.Run("there was none", func(t *testing.T) {
		a, at := newAppends(t, cluster, "b3", "one", "two"), ownerOf("b3")
		a.failDials(proxies[at].Addr, func(*goredis.Client) {}).Store(1000)
		_ = a.do(a.cmds...)
		for _, c := range a.cmds {
			if err := c.Err(); !isRefusal(err) {
				t.Errorf("what was never sent: %v", err)
			}
		}
	})
	t.Run("after a slot has moved", func(t *testing.T) {
		a := newAppends(t, cluster, "b4", "one", "two")
		if err := a.do(command("get", k.lease("b4"))); err != nil { // it knows where the slot is
			t.Fatal(err)
		}
		slot := cluster.SlotOf(k.lease("b4"))
		from := cluster.OwnerOf(slot)
		to := (from + 1) % 3
		cluster.MoveSlot(slot, from, to)
		cluster.Masters[from].MustCommand("CONFIG", "RESETSTAT")
		proxies[to].LoseAnswer("two", nil)
		a.check(t, cluster.Masters[to])
		if !strings.Contains(cluster.Masters[from].MustCommand("INFO", "errorstats"), "errorstat_MOVED") {
			t.Error("nobody was sent on")
		}
	})
}

// failDials makes the next dials of an address fail, as many as it is told, and says
// which client that is.
func (a *appends) failDials(addr string, is func(*goredis.Client)) *atomic.Int32 {
	fails := &atomic.Int32{}
	a.rdb.(*goredis.ClusterClient).OnNewNode(func(c *goredis.Client) {
		if c.Options().Addr != addr {
			return
		}
		is(c)
		c.AddHook(onDial(func() error {
			if fails.Add(-1) < 0 {
				return nil
			}
			return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}))
	})
	return fails
}

// onDial runs in front of each dial of a client.
type onDial func() error

func (f onDial) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := f(); err != nil {
			return nil, err
		}
		return next(ctx, network, addr)
	}
}
func (onDial) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }
func (onDial) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// What only reads now is no master any more: the client has to close its connection
// to it, since the name may lead to another server.
func TestP8_ConnectionToAReplicaIsClosed(t *testing.T) {
	t.Parallel()
	rs := redistest.Start(t)
	rdb, err := Connect(Config{URL: rs.URL(), Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	h := newHealth(rdb, time.Second)
	h.close() // nobody else connects
	p := newPipe(rdb, h, time.Second)
	t.Cleanup(func() {
		p.close()
		_ = rdb.Close()
	})
	for _, want := range []uint32{1, 0} {
		set := command("set", "a", "1")
		_ = p.do(set)
		if n := rdb.PoolStats().PipelineStats.TotalConns; n != want || goredis.IsReadOnlyError(set.Err()) != (want == 0) {
			t.Errorf("%d connections, want %d; %v", n, want, set.Err())
		}
		rs.MustCommand("REPLICAOF", "127.0.0.1", "1")
	}
}

// A call was stored and the answer lost: it is not in its own way, and nobody is
// busy with it.
func TestP8_AnswerOfAnOpenIsLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cluster := redistest.StartCluster(t)
	k := keys{"tandem:"}
	proxy := cluster.Proxy(cluster.OwnerOf(cluster.SlotOf(k.call("one"))))
	a := newNode(t, faultConfig(cluster.URL()), "a")
	c, marks := ring(a.Store, "one", "ann", "bob")
	var lost atomic.Bool
	proxy.LoseAnswer(k.call("one"), func() { lost.Store(true) })
	if err := a.Open(ctx, c, marks); !errors.Is(err, presence.ErrUnavailable) || !lost.Load() {
		t.Errorf("open: %v, %v", err, lost.Load())
	}
	until(t, "redis is back", func() bool { return a.Degraded() == "" })
	if _, err := a.Load(ctx, "one"); !errors.Is(err, presence.ErrNotFound) {
		t.Errorf("the call: %v", err)
	}
	for _, user := range []string{"ann", "bob"} {
		if id, err := a.Mark(ctx, user); id != "" || err != nil {
			t.Errorf("%s is busy with %q, %v", user, id, err)
		}
	}
}

// A session was registered and the answer lost, which says whom to tell: who
// remembers the user's sessions hears of it all the same.
func TestP2_AnswerOfARegistrationIsLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	cluster := redistest.StartCluster(t)
	k := keys{"tandem:"}
	proxy := cluster.Proxy(cluster.OwnerOf(cluster.SlotOf(k.sessions("ann"))))
	a, b := newNode(t, faultConfig(cluster.URL()), "a"), newNode(t, faultConfig(cluster.URL()), "b")
	until(t, "they know each other", func() bool { return len(a.Nodes()) == 2 && len(b.Nodes()) == 2 })
	a.connect("ann", "s1")
	knows := func(n int) bool {
		list, err := b.Routes(ctx, "ann")
		return err == nil && len(list) == n
	}
	until(t, "the other node remembers it", func() bool { return knows(1) })
	var lost atomic.Bool
	proxy.LoseAnswer("another one", func() { lost.Store(true) })
	a.connect("ann", "another one")
	until(t, "the other node has heard of it", func() bool { return knows(2) })
	if !lost.Load() {
		t.Error("no answer was lost")
	}
}

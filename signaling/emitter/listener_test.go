package emitter

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence/redis"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear is the board of these tests: it writes down what it is told. Everybody but
// "nobody" is here.
type ear struct {
	mu   sync.Mutex
	told []string
	log  bytes.Buffer
}

func (e *ear) Write(b []byte) (int, error) { // the log
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(b)
}

func (e *ear) logged() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.String()
}

func (e *ear) note(text string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, text)
	return 1
}

func (e *ear) HasRoom(name string) bool { return name != "nobody" }

func (e *ear) EmitToRooms(to signaling.Audience, ev *wire.Event) int {
	return e.note(fmt.Sprintf("%s %s to %v but %v", ev.Name, ev.Args, to.Rooms, to.Except))
}

func (e *ear) EndRooms(to signaling.Audience) int {
	return e.note(fmt.Sprintf("end %v but %v", to.Rooms, to.Except))
}

// all waits until something was told, and takes it.
func (e *ear) all() string {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		told := strings.Join(e.told, "; ")
		e.told = nil
		e.mu.Unlock()
		if told != "" {
			return told
		}
	}
	return "nothing"
}

// listenAt runs a Listener until the test ends.
func listenAt(t *testing.T, url string, change func(*Config)) *ear {
	t.Helper()
	e := new(ear)
	cfg := Config{Idle: 300 * time.Millisecond, Timeout: 500 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(e, nil))}
	if change != nil {
		change(&cfg)
	}
	client, err := redis.Connect(redis.Config{URL: url, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(cfg, client, e, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { l.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = client.Close()
	})
	return e
}

// publish sends until somebody hears, as many as that is.
func publish(t *testing.T, s *redistest.Server, channel string, msg []byte) {
	t.Helper()
	var got string
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got, err = s.Command("PUBLISH", channel, string(msg)); err == nil && got != "0" {
			return
		}
	}
	t.Fatalf("nobody listens: %s, %v", got, err)
}

const (
	one  = "socket.io#/#alice#"
	many = "socket.io#/#"
	asks = "socket.io-request#/#"
)

func TestM9_HearsEventsAndRequests(t *testing.T) {
	server := redistest.Start(t)
	e := listenAt(t, server.URL(), nil)
	publish(t, server, many, fromHex(t, "rooms"))
	if got, want := e.all(), "x 1 to [alice 7] but [bob]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	publish(t, server, many, fromHex(t, "all"))
	if got, want := e.all(), "maintenance  to [] but []"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	publish(t, server, asks, []byte(`{"type":4,"opts":{"rooms":["alice"],"except":["bob"]},"close":false}`))
	if got, want := e.all(), "end [alice] but [bob]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// What is for others, or cannot be done, is passed over and does no harm.
	publish(t, server, "socket.io#/#nobody#", fromHex(t, "one room"))
	publish(t, server, many, []byte("hello"))
	for range 3 {
		publish(t, server, asks, []byte(`{"type":2,"opts":{"rooms":[],"except":[]},"rooms":["a"]}`))
		publish(t, server, asks, []byte(`{"uid":"emitter","type":6,"data":["x"]}`))
	}
	publish(t, server, many, message("connect", []byte{1}))
	publish(t, server, many, message("x", msgp.AppendString(nil, strings.Repeat("a", 0xffff))))
	if got := e.all(); len(got) < 0xffff || !strings.HasPrefix(got, "x ") {
		t.Errorf("got %.80s", got)
	}
	log := e.logged()
	for _, name := range []string{"socketsJoin", "serverSideEmit"} {
		if n := strings.Count(log, name); n != 1 {
			t.Errorf("%s was logged %d times:\n%s", name, n, log)
		}
	}
}

// The rights that docs/redis.md tells operators to give are enough.
func TestM9_ListensWithTheDocumentedRights(t *testing.T) {
	doc, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	server := redistest.Start(t)
	rights := regexp.MustCompile(`(?m)^ACL SETUSER tandem (.+)$`).FindAllStringSubmatch(string(doc), -1)
	if len(rights) != 2 {
		t.Fatalf("docs/redis.md has %d lines of rights, want those of every node and those of --redis-emitter", len(rights))
	}
	for _, r := range rights {
		server.MustCommand(append([]string{"ACL", "SETUSER", "tandem"}, strings.Fields(strings.Replace(r[1], ">PASSWORD", ">s3cret", 1))...)...)
	}
	e := listenAt(t, "redis://tandem:s3cret@"+server.Addr, nil)
	publish(t, server, one, fromHex(t, "one room"))
	if got := e.all(); !strings.HasPrefix(got, "newMessage ") {
		t.Errorf("got %s", got)
	}
	publish(t, server, asks, []byte(`{"type":4,"opts":{"rooms":["alice"],"except":[]}}`))
	if got := e.all(); !strings.HasPrefix(got, "end ") {
		t.Errorf("got %s", got)
	}
}

func TestM9_KeyOfItsOwnAndSize(t *testing.T) {
	server := redistest.Start(t)
	e := listenAt(t, server.URL(), func(c *Config) { c.Key, c.MaxMessage = "my[app]*", 200 })
	publish(t, server, "my[app]*#/#alice#", fromHex(t, "one room"))
	if got := e.all(); !strings.HasPrefix(got, "newMessage ") {
		t.Errorf("got %s", got)
	}
	for _, other := range []string{"socket.io#/#", "mya#/#", "my[app]#/#", "my[app]*#/other#"} {
		if n := server.MustCommand("PUBLISH", other, "x"); n != "0" {
			t.Errorf("%s is heard", other)
		}
	}
	publish(t, server, "my[app]*#/#", message("big", msgp.AppendString(nil, strings.Repeat("a", 200))))
	publish(t, server, "my[app]*#/#", fromHex(t, "all"))
	if got, want := e.all(), "maintenance  to [] but []"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(e.logged(), "too large") {
		t.Errorf("the log does not say what was too large: %s", e.logged())
	}
}

// P7: a Redis that is restarted, or frozen, is heard again by itself.
func TestP7_M9_OutlivesOutages(t *testing.T) {
	server := redistest.Start(t)
	e := listenAt(t, server.URL(), nil)
	heard := func(when string) {
		t.Helper()
		publish(t, server, one, fromHex(t, "one room"))
		if got := e.all(); strings.Count(got, "newMessage") != 1 {
			t.Fatalf("%s: got %s", when, got)
		}
	}
	heard("at first")
	server.Restart()
	heard("after a restart")
	server.Kill()
	server.Restart()
	heard("after it was dead")
	server.Freeze()
	until(t, "the silence is noticed", func() bool { return strings.Count(e.logged(), "not heard") == 3 })
	server.Thaw()
	until(t, "it is heard again", func() bool { return strings.Count(e.logged(), "hears again") == 3 })
	heard("after it stood still")
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// P8: the replica of a Sentinel group takes over, and is heard.
func TestP8_M9_SentinelFailOver(t *testing.T) {
	group := redistest.StartSentinels(t)
	e := listenAt(t, group.URL(), nil)
	publish(t, group.Servers[0], one, fromHex(t, "one room"))
	if got := e.all(); strings.Count(got, "newMessage") != 1 {
		t.Fatalf("got %s", got)
	}
	group.Servers[0].Kill()
	publish(t, group.Servers[1], one, fromHex(t, "one room"))
	if got := e.all(); strings.Count(got, "newMessage") != 1 {
		t.Fatalf("after the fail-over: got %s", got)
	}
}

// P8: what is published at any server of a Cluster is heard once, also when the
// one that was listened at has died.
func TestP8_M9_Cluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	// The subscription is made where the slot of its name is: at the master that
	// has a replica.
	key := "k0"
	for i := 0; cluster.OwnerOf(cluster.SlotOf(key+"#/#*")) != 0; i++ {
		key = fmt.Sprint("k", i)
	}
	channel, msg := key+"#/#alice#", string(fromHex(t, "one room"))
	e := listenAt(t, cluster.URL(), func(c *Config) { c.Key = key })
	until(t, "it listens", func() bool { return cluster.Masters[0].MustCommand("PUBSUB", "NUMPAT") == "1" })
	for i, s := range cluster.Masters {
		s.MustCommand("PUBLISH", channel, msg)
		if got := e.all(); strings.Count(got, "newMessage") != 1 {
			t.Fatalf("published at master %d: got %s", i, got)
		}
	}
	cluster.Masters[0].Kill()
	until(t, "it is heard at another server", func() bool {
		_, _ = cluster.Masters[1].Command("PUBLISH", channel, msg)
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.told) > 0
	})
}

package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// model is what onlineUsers and sockets have to say: who came when, and who is in
// grace until when.
type model struct {
	grace time.Duration
	seq   int
	users map[string]*modelUser
}

type modelUser struct {
	connected map[string]int // session -> when it came
	away      map[string]bool
	left      time.Time // zero: not in grace
}

func newModel(grace time.Duration) *model {
	return &model{grace: grace, users: map[string]*modelUser{}}
}

func (m *model) user(u string) *modelUser {
	if m.users[u] == nil {
		m.users[u] = &modelUser{connected: map[string]int{}, away: map[string]bool{}}
	}
	return m.users[u]
}

func (m *model) come(user, id string) {
	u := m.user(user)
	if _, ok := u.connected[id]; !ok {
		m.seq++
		u.connected[id] = m.seq
	}
	delete(u.away, id)
	u.left = time.Time{}
}

func (m *model) suspend(user, id string) {
	u := m.user(user)
	if _, ok := u.connected[id]; !ok {
		return
	}
	delete(u.connected, id)
	u.away[id] = true
	if len(u.connected) == 0 {
		u.left = time.Now()
	}
}

func (m *model) goes(user, id string, how presence.End) {
	u := m.user(user)
	_, was := u.connected[id]
	away := u.away[id]
	delete(u.connected, id)
	delete(u.away, id)
	switch {
	case len(u.connected) > 0 || !was && !away:
	case how == presence.Clean:
		u.left = time.Time{}
	case was:
		u.left = time.Now()
	}
}

// expect is what the mirrors show, and of whom that can not be said: whose grace
// is about to end.
func (m *model) expect() (want map[string]string, maybe map[string]bool) {
	want, maybe = map[string]string{}, map[string]bool{}
	for name, u := range m.users {
		newest, at := "", -1
		for id, n := range u.connected {
			if n > at {
				newest, at = id, n
			}
		}
		switch {
		case newest != "":
			want[name] = newest
		case u.left.IsZero():
		case time.Since(u.left) < m.grace/2:
			want[name] = ""
		case time.Since(u.left) < m.grace+3*time.Second:
			maybe[name] = true
		}
	}
	return want, maybe
}

func (m *model) wrong(d *direct) string { return d.mirrors(m.expect()) }

// P6: what operators see is right after every change, after the death of a node
// and after an outage.
func TestP6_MirrorsAgainstModel(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.Start(t)
	cfg := faultConfig(rs.URL())
	cfg.Lease, cfg.Timeout = 5*time.Second, 5*time.Second // nobody seems dead who is not
	nodes := []*node{newNode(t, cfg, "a"), newNode(t, cfg, "b")}
	check := directly(t, rs)
	m := newModel(cfg.OfflineGrace)
	where := map[string]*node{} // session -> node
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	step := func() string {
		user := fmt.Sprint("u", r.IntN(8))
		id := fmt.Sprint(user, "-", r.IntN(4))
		n := where[id]
		switch op := r.IntN(10); {
		case op < 5: // comes, comes back, or moves
			if n == nil || op == 0 {
				n = nodes[r.IntN(2)]
			}
			if old := where[id]; old != nil && old != n {
				old.mu.Lock()
				delete(old.sessions, id)
				old.mu.Unlock()
				u := m.user(user)
				delete(u.connected, id) // anew
				n.connect(user, id)
				_ = old.Remove(ctx, user, id, presence.Vanished) // changes nothing: it has moved
			} else {
				n.connect(user, id)
			}
			where[id] = n
			m.come(user, id)
			return "connect " + id
		case n == nil:
			return ""
		case op < 7:
			if err := n.Suspend(ctx, user, id); err != nil {
				t.Fatal(err)
			}
			n.mu.Lock()
			delete(n.sessions, id) // not connected
			n.mu.Unlock()
			m.suspend(user, id)
			return "suspend " + id
		default:
			how := presence.Clean
			if op == 9 {
				how = presence.Vanished
			}
			n.disconnect(user, id, how)
			delete(where, id)
			m.goes(user, id, how)
			return fmt.Sprint("remove ", id, " ", how)
		}
	}
	for i := range pick(400, 4000) {
		what := step()
		wrong := m.wrong(check)
		for end := time.Now().Add(20 * time.Second); wrong != "" && time.Now().Before(end); wrong = m.wrong(check) {
			<-time.After(time.Millisecond) // nobody waits for what operators look at
		}
		if wrong != "" {
			t.Fatalf("step %d, %s: %s", i, what, wrong)
		}
	}

	// A node dies: within a lease and a second it is right, and once more when
	// another one has its name.
	a, b := nodes[0], nodes[1]
	b.die()
	for id, n := range where {
		if n == b {
			m.suspend(id[:2], id)
			delete(where, id)
		}
	}
	until(t, "it is right after the death of a node", func() bool {
		want, _ := m.expect()
		for u := range want {
			if want[u] == "" {
				return false
			}
		}
		return m.wrong(check) == "" && len(a.Nodes()) == 1
	})
	nodes[1] = newNode(t, cfg, "b")
	for range 20 {
		step()
	}
	// An outage in which people come and go, and after which nothing is left.
	rs.Kill()
	until(t, "it is noticed", func() bool { return a.Degraded() != "" && nodes[1].Degraded() != "" })
	for id, n := range where { // who moves in an outage is not known to the other node
		if r.IntN(3) == 0 {
			n.disconnect(id[:2], id, presence.Clean)
			delete(where, id)
			m.goes(id[:2], id, presence.Clean)
		}
	}
	a.connect("u9", "u9-1")
	m.come("u9", "u9-1")
	start := time.Now()
	rs.Restart()
	online := func() map[string]bool {
		set := map[string]bool{}
		for name, u := range m.users {
			if len(u.connected) > 0 {
				set[name] = true
			}
		}
		return set
	}
	until(t, "all is right after the outage", func() bool {
		// Which one is the newest of several is a matter of when they were told
		// again; those in grace have a new one.
		want, maybe := m.expect()
		have, err := check.rdb.HGetAll(ctx, mirrorSockets).Result()
		if err != nil {
			return false
		}
		for u := range online() {
			if _, ok := m.users[u].connected[have[u]]; !ok {
				return false
			}
			want[u] = have[u]
		}
		for u := range m.users {
			maybe[u] = maybe[u] || !online()[u] && len(m.users[u].away) > 0
		}
		return check.mirrors(want, maybe) == ""
	})
	within(t, "all is right", time.Since(start), 5*time.Second)
}

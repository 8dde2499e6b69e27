// Package memory implements presence inside one process. It is what a single
// node runs on, and what tests use to play a cluster: any number of memberships
// may be taken on one Cluster.
package memory

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// Config of a Cluster. The zero value of each field takes the default.
type Config struct {
	// Lease is how long a membership counts without Renew (5 s).
	Lease time.Duration
	// OfflineGrace is how long a user stays online after the last session
	// vanished (5 s, P5).
	OfflineGrace time.Duration
	// MaxLastSeen bounds how many offline users' last-seen times are kept
	// (100,000); beyond it some are forgotten.
	MaxLastSeen int
	// EndedKeep is how long an ended call can still be found (30 s), and
	// EndedMax how many of them at most (4,096).
	EndedKeep time.Duration
	EndedMax  int
	// Shared makes the members behave as nodes of a cluster: for tests.
	Shared bool
	// Now is the clock (time.Now).
	Now func() time.Time
}

// Validate fills in defaults and checks the rest.
func (c *Config) Validate() error {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.Lease, 5*time.Second)
	def(&c.OfflineGrace, 5*time.Second)
	def(&c.EndedKeep, 30*time.Second)
	if c.MaxLastSeen == 0 {
		c.MaxLastSeen = 100_000
	}
	if c.EndedMax == 0 {
		c.EndedMax = 4096
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Lease < 0 || c.OfflineGrace < 0 || c.EndedKeep < 0 || c.MaxLastSeen < 0 || c.EndedMax < 0 {
		return errors.New("memory: negative durations and bounds are not possible")
	}
	return nil
}

// Cluster is the world that its members share.
type Cluster struct {
	cfg   Config
	calls calls

	mu       sync.RWMutex
	users    map[string]*user
	members  map[string]*Member
	online   []string // sorted, valid while sorted is true
	sorted   bool
	nOnline  int
	version  uint64
	nOffline int // users kept only for their last-seen time
	epochs   uint64
	flips    int64 // version of the last one
	// lingering users, to be swept: those whose last session vanished
	lingering map[*user]struct{}
	events    []event // to be told once mu is released, in order
	telling   sync.Mutex
}

// user is guarded by Cluster.mu.
type user struct {
	id       string
	sessions []presence.Session
	online   bool
	until    time.Time // end of the grace; zero while there is a session
	lastSeen time.Time
	watchers map[*Member]int
}

// event is one change on its way to one observer.
type event struct {
	to    *Member
	state presence.State
	flip  int64 // version, for an Observer; 0: for the one who watches
}

// New makes an empty world.
func New(cfg Config) (*Cluster, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, users: map[string]*user{}, members: map[string]*Member{}, lingering: map[*user]struct{}{}}
	c.calls.init(&c.cfg)
	return c, nil
}

// Member is one node's membership; it implements presence.Store.
type Member struct {
	*calls
	c       *Cluster
	name    string
	handler presence.Handler
	inbox   inbox
	// guarded by c.mu
	epoch string
	tag   string // that of the first epoch
	until time.Time
	gone  bool
}

var _ presence.Store = (*Member)(nil)

// Join takes a membership under a name that no live member has.
func (c *Cluster) Join(name string, h presence.Handler) (*Member, error) {
	c.mu.Lock()
	defer c.unlock()
	now := c.cfg.Now()
	m := &Member{calls: &c.calls, c: c, name: name, handler: h}
	if old := c.members[name]; old != nil {
		if now.Before(old.until) {
			return nil, presence.ErrNodeTaken
		}
		c.buryLocked(m, old, now)
	}
	c.enterLocked(m, now)
	return m, nil
}

func (c *Cluster) enterLocked(m *Member, now time.Time) {
	c.epochs++
	m.epoch, m.until, m.gone = epochName(now, c.epochs), now.Add(c.cfg.Lease), false
	if m.tag == "" {
		m.tag = m.epoch
	}
	c.members[m.name] = m
}

// Rejoin takes a new epoch.
func (m *Member) Rejoin(context.Context) error {
	c := m.c
	c.mu.Lock()
	defer c.unlock()
	now := c.cfg.Now()
	if other := c.members[m.name]; other != nil && other != m && now.Before(other.until) {
		return presence.ErrNodeTaken
	}
	c.buryLocked(m, m, now)
	c.enterLocked(m, now)
	return nil
}

// Now is the clock of all members.
func (m *Member) Now() time.Time { return m.c.cfg.Now() }

// Degraded is always "": there is nothing that could be away.
func (*Member) Degraded() string { return "" }

func epochName(now time.Time, n uint64) string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	v := uint64(now.UnixMilli())<<8 | n&0xff
	var b [13]byte
	i := len(b)
	for ; v > 0 && i > 0; v >>= 5 {
		i--
		b[i] = digits[v&31]
	}
	return string(b[i:])
}

// unlock releases mu and tells the observers what has changed meanwhile. One
// goroutine tells at a time, so that the changes of a user arrive in order.
func (c *Cluster) unlock() {
	pending := len(c.events) > 0
	c.mu.Unlock()
	if !pending {
		return
	}
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	evs := c.events
	c.events = nil
	c.mu.Unlock()
	for _, e := range evs {
		if e.flip == 0 {
			e.to.handler.Watched(e.state)
		} else if o, ok := e.to.handler.(presence.Observer); ok {
			o.Flipped(e.state, e.flip)
		}
	}
}

// Node is the member's name and epoch.
func (m *Member) Node() (name, epoch string) {
	m.c.mu.RLock()
	defer m.c.mu.RUnlock()
	return m.name, m.epoch
}

// Renew prolongs the lease.
func (m *Member) Renew(context.Context) error {
	m.c.mu.Lock()
	defer m.c.unlock()
	now := m.c.cfg.Now()
	if m.gone || !now.Before(m.until) {
		m.c.buryLocked(m, m, now)
		return presence.ErrLeaseLost
	}
	m.until = now.Add(m.c.cfg.Lease)
	return nil
}

// Leave ends the membership.
func (m *Member) Leave(context.Context) error {
	m.c.mu.Lock()
	defer m.c.unlock()
	m.c.buryLocked(m, m, m.c.cfg.Now())
	return nil
}

// Sweep buries members without a lease and ends graces.
func (m *Member) Sweep(context.Context) error {
	for _, s := range m.sweep() {
		if m.handler != nil {
			m.handler.Lost(s)
		}
	}
	return nil
}

func (m *Member) sweep() (lost []presence.Session) {
	c := m.c
	now := c.cfg.Now()
	c.calls.forget(now)
	c.mu.Lock()
	defer c.unlock()
	for _, other := range c.members {
		if !now.Before(other.until) {
			lost = append(lost, c.buryLocked(m, other, now)...)
		}
	}
	for u := range c.lingering {
		if !now.Before(u.until) {
			delete(c.lingering, u)
			c.offlineLocked(m, u)
		}
	}
	return lost
}

// buryLocked makes all sessions of a member vanished, and returns them. by is who
// finds it dead.
func (c *Cluster) buryLocked(by, m *Member, now time.Time) (lost []presence.Session) {
	if m.gone {
		return nil
	}
	m.gone = true
	if c.members[m.name] == m {
		delete(c.members, m.name)
	}
	at := now
	if m.until.Before(at) { // it ended with the lease, not when somebody noticed
		at = m.until
	}
	for _, u := range c.users {
		delete(u.watchers, m)
		had := len(u.sessions)
		kept := make([]presence.Session, 0, had) // the list is shared with readers
		for _, s := range u.sessions {
			if s.Node != m.name || s.Epoch != m.epoch {
				kept = append(kept, s)
			} else {
				lost = append(lost, s)
			}
		}
		was := u.connected()
		u.sessions = kept
		if len(kept) != had && was {
			c.lostLocked(by, u, presence.Vanished, at)
		}
		c.dropIfIdleLocked(u)
	}
	return lost
}

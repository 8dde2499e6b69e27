package redis

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// Store is one node's membership. Its lease and what it knows of other nodes
// are in lease.go, nodes.go and sweep.go, sessions in sessions*.go, the routes
// that it remembers in routes.go, whom it watches in watch.go, calls in
// calls*.go, its inbox and the way to those of others in bus*.go.
type Store struct {
	cfg     Config
	rdb     goredis.UniversalClient
	cluster bool // commands of one pipeline do not keep their order across slots
	keys    keys
	health  *health
	pipe    *pipe
	bus     *bus
	handler presence.Handler
	clock   clock

	me     atomic.Pointer[presence.Node] // changes with Rejoin
	lease  lease
	nodes  nodes
	own    own
	routes routes
	watch  watch
	owed   owed
	mourn  line // Handler.Lost
	alone  alone
	handed handed
	tally  tally

	mourned mourned

	ctx    context.Context // ends with the store
	cancel context.CancelFunc
	tasks  sync.WaitGroup // asserting
	closed atomic.Bool
}

// Join takes a membership under a name that no live node has, else
// ErrNodeTaken: the caller may try again, since a node that was killed keeps its
// name until its lease ends.
func Join(ctx context.Context, cfg Config, name string, h presence.Handler) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !nodeName.MatchString(name) {
		return nil, fmt.Errorf("redis: %q can not be the name of a node: letters, digits, dots, hyphens and underscores, at most 64", name)
	}
	rdb, err := Connect(cfg)
	if err != nil {
		return nil, err
	}
	if h == nil {
		h = deaf{}
	}
	s := newStore(cfg, rdb, h)
	if err := s.join(ctx, name); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// newStore makes a store that is not a member yet.
func newStore(cfg Config, rdb goredis.UniversalClient, h presence.Handler) *Store {
	s := &Store{cfg: cfg, rdb: rdb, keys: keys{cfg.Prefix}, handler: h}
	_, s.cluster = rdb.(*goredis.ClusterClient)
	s.clock.local = cfg.clock
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.health = newHealth(rdb, cfg.Timeout)
	s.pipe = newPipe(rdb, s.health, cfg.Timeout)
	s.health.greet = addScripts
	s.health.onDown, s.health.onUp, s.health.after = s.wentAway, s.isBack, s.startAssert
	s.own.init()
	s.routes.init(cfg.CacheUsers)
	s.watch.init()
	s.owed.init()
	return s
}

func (s *Store) join(ctx context.Context, name string) error {
	if err := loadScripts(ctx, s.rdb); err != nil {
		return fmt.Errorf("redis: load scripts: %w", err)
	}
	if err := s.readClock(ctx); err != nil {
		return fmt.Errorf("redis: read the clock: %w", err)
	}
	if err := s.takeLease(ctx, name, nil); err != nil {
		return err
	}
	return s.startBus(map[presence.Kind]func(presence.Peer, []byte){
		kindForget:  s.gotForget,
		kindWatched: s.gotWatched,
	})
}

// Leave ends the membership and all goroutines of the store: its sessions count
// as vanished. It does what it can within ctx where Redis is away.
func (s *Store) Leave(ctx context.Context) error {
	if s.closed.Load() {
		return presence.ErrClosed
	}
	if s.bus != nil {
		s.bus.hush()
	}
	err := s.vanish(ctx)
	s.end()
	return err
}

// Close ends all goroutines of the store without saying goodbye: other nodes
// find out when the lease ends.
func (s *Store) Close() error {
	s.end()
	return nil
}

func (s *Store) end() {
	if s.closed.Swap(true) {
		return
	}
	s.cancel()
	s.health.close()
	s.tasks.Wait()
	s.mourn.wait()
	s.alone.rechecks.wait()
	s.tellHanded()
	if s.bus != nil {
		s.stopBus()
	}
	s.pipe.close()
	_ = s.rdb.Close()
}

// Self is this node.
func (s *Store) Self() presence.Node {
	if n := s.me.Load(); n != nil {
		return *n
	}
	return presence.Node{}
}

func (s *Store) peer() presence.Peer { return s.Self().Peer }

// Node is this node's name and epoch.
func (s *Store) Node() (name, epoch string) {
	n := s.Self()
	return n.Name, n.Epoch
}

// Degraded is empty, or why Redis counts as away, or that this node is no member or
// does not hear what others send.
func (s *Store) Degraded() string {
	why := s.health.reason()
	switch {
	case why != "":
		return why
	case s.lease.lost.Load():
		return whyLost
	case s.bus.knocks.deaf.Load():
		return whyDeaf
	}
	return ""
}

// whyLost stays while the node can not join again.
const whyLost = "this node was taken for dead"

// deaf is the handler of a node that wants to hear of nothing.
type deaf struct{}

func (deaf) Watched(presence.State)                           {}
func (deaf) Receive(presence.Peer, presence.Kind, []byte)     {}
func (deaf) Drained()                                         {}
func (deaf) Undelivered(presence.Peer, presence.Kind, []byte) {}
func (deaf) Lost(presence.Session)                            {}
func (deaf) RoutesChanged(string)                             {}
func (deaf) Known() []*call.Call                              { return nil }
func (deaf) Recheck(string)                                   {}

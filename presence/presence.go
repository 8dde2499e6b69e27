// Package presence says what the nodes of a cluster share: who is connected
// where, who is online, which calls are live and which user is busy with which.
// It declares the contracts; memory implements them inside one process, and
// presencetest is the one suite that every implementation passes.
//
// The switchboard (package signaling) is the only user. It never asks presence
// for sessions of its own node: a local recipient does not wait for a store
// (P2).
package presence

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// Errors of every implementation.
var (
	// ErrNotFound: no such call.
	ErrNotFound = errors.New("presence: not found")
	// ErrConflict: the record is not at the version that the caller read.
	// Read again and step again.
	ErrConflict = errors.New("presence: version conflict")
	// ErrLeaseLost: this node was away for longer than its lease; what it had
	// registered does not count any more. Join again under a new epoch.
	ErrLeaseLost = errors.New("presence: lease lost")
	// ErrNodeTaken: a live node already has this name.
	ErrNodeTaken = errors.New("presence: node name is taken")
	// ErrClosed: the store or the membership was closed.
	ErrClosed = errors.New("presence: closed")
	// ErrUnavailable: what the nodes share can not be reached, or the node that
	// was to be told is full or gone. Nothing has happened.
	ErrUnavailable = errors.New("presence: unavailable")
)

// Session is one connected client as the cluster sees it.
type Session struct {
	ID       string // the session's id, unique in the cluster
	User     string
	Device   string // outlives the session, see DESIGN C9
	Extended bool
	// Away: its client vanished and may come back within the resume window;
	// its node keeps what must arrive until then. It does not count as
	// connected.
	Away bool
	// Node and Epoch say who owns it; the store fills them in.
	Node, Epoch string
}

// Owner is the node that the session is on.
func (s *Session) Owner() Peer { return Peer{s.Node, s.Epoch} }

// End says how a session ended (C9, P5).
type End uint8

const (
	// Clean: the client said goodbye. With its last session its user is
	// offline at once.
	Clean End = iota
	// Vanished: the connection was lost. With its last session its user stays
	// online for the offline grace.
	Vanished
)

// State is what others may know of a user.
type State struct {
	User string
	// Online is true while the user has a session, and for the offline grace
	// after the last one vanished.
	Online bool
	// Devices counts the distinct devices of the user's sessions.
	Devices int
	// LastSeen is when the last session ended; zero while one is connected and
	// for users never seen.
	LastSeen time.Time
}

// Page is a part of the list of online users, in the order of their ids.
type Page struct {
	Users []string
	// Next is the cursor of the next page, empty after the last.
	Next string
}

// Sessions is the directory of who is connected.
type Sessions interface {
	// Add registers a session of this node. Adding it again changes nothing,
	// but that it is not away any more; one of another node with the same id
	// has moved here (P2).
	Add(ctx context.Context, s Session) error
	// Suspend says that a session of this node is away. With its last
	// connected session its user stays online for the offline grace.
	Suspend(ctx context.Context, user, id string) error
	// Remove takes a session of this node away. Removing it twice, or one that
	// never was, changes nothing.
	Remove(ctx context.Context, user, id string, how End) error
	// Sessions lists the user's connected sessions on nodes that hold a lease.
	Sessions(ctx context.Context, user string) ([]Session, error)
	// Routes lists the user's sessions on nodes that hold a lease, those that
	// are away included, as this node knows them: it asks nobody if it can
	// (P2). What it knows is at most one hop of the bus old; a session that has
	// moved is forwarded to by the node that had it. The slice is shared: do
	// not change it.
	Routes(ctx context.Context, user string) ([]Session, error)
	// States returns the state of each user, in the order asked.
	States(ctx context.Context, users []string) ([]State, error)
	// Online lists online users, at most limit, from a cursor on.
	Online(ctx context.Context, cursor string, limit int) (Page, error)
	// OnlineCount is the number of online users, and a version that is another
	// one whenever the set of online users is another one.
	OnlineCount(ctx context.Context) (n int, version uint64, err error)
	// Watch makes this node's observer hear of the users' changes; Unwatch
	// ends it. Interest is counted: two Watch need two Unwatch.
	Watch(ctx context.Context, users []string) error
	Unwatch(ctx context.Context, users []string) error
}

// Handler is what a node wants to hear of. Its methods are called without any
// lock held and must not block on the store, but Receive, Undelivered, Lost and
// Recheck, which have goroutines of their own and are called one at a time each.
type Handler interface {
	// Watched tells of the change of a user that this node watches, in the
	// order in which they happened to each user (P5).
	Watched(State)
	// Receive gets what another node sent, in that node's order and once. The
	// payload is valid during the call only. Drained is called when nothing
	// more has arrived: flush what was gathered.
	Receive(from Peer, kind Kind, payload []byte)
	Drained()
	// Undelivered gives back what was sent on the Must lane to a node that died
	// before it confirmed.
	Undelivered(to Peer, kind Kind, payload []byte)
	// Lost tells of a session whose node died, on the node that found out
	// (C13).
	Lost(Session)
	// RoutesChanged tells that the sessions of a user whose routes this node
	// remembered are other ones now.
	RoutesChanged(user string)
	// Known lists the calls that this node works with, newest versions, live or
	// lately ended: they are asserted anew after an outage (P7).
	Known() []*call.Call
	// Recheck says that another version of a known call won meanwhile.
	Recheck(id string)
}

// Observer is a Handler that hears of everybody who comes online or goes offline:
// on one node, most likely that which has seen to it. Nobody is told again what a
// node did not get to say before it died. The version is another one each time,
// and rises with each change of one user: microseconds since 1970, about. Flipped
// is called like Watched.
type Observer interface {
	Flipped(st State, version int64)
}

// Lease keeps a node's entries counting (P1).
type Lease interface {
	// Renew prolongs the lease; ErrLeaseLost when it came too late. It is called
	// beside all the others, since nothing that takes long may keep it waiting.
	Renew(ctx context.Context) error
	// Sweep does what time has made due: leases and offline graces that ran
	// out. Any node may call it, at least once a second.
	Sweep(ctx context.Context) error
	// Rejoin takes a new epoch after ErrLeaseLost. Nothing is registered under
	// it yet.
	Rejoin(ctx context.Context) error
	// Leave ends the membership: the node's sessions count as vanished.
	Leave(ctx context.Context) error
}

// Store is one node's membership in the cluster.
type Store interface {
	Sessions
	Calls
	Bus
	Lease
	// Node is this node's name and the epoch of this membership.
	Node() (name, epoch string)
	// Now is the cluster's clock: nodes whose own clocks differ agree on it.
	Now() time.Time
	// Degraded is empty, or says what is wrong while the node works alone (P7).
	Degraded() string
}

package presence

// Peer names one start of one node.
type Peer struct{ Name, Epoch string }

// Node is a node that holds a lease.
type Node struct {
	Peer
	// Tag is short and unique among the nodes that live: it stands in front of
	// session ids, so that a request of a session finds its node (P9). A node
	// that joins again keeps it: its sessions are those of before.
	Tag string
	// Addr is where the node takes requests of other nodes: host:port, or "".
	Addr string
}

// Kind says what a payload is. Kinds below KindStore are the switchboard's, the
// others the store's own.
type Kind uint8

// KindStore is the first of the kinds that stores use among themselves.
const KindStore Kind = 128

// Lane says what happens to a payload that can not be handed over at once.
type Lane uint8

const (
	// Must payloads are numbered, kept until the receiving node has confirmed
	// them, and sent again over gaps (P3). A node that dies with some
	// unconfirmed gives them back: Handler.Undelivered.
	Must Lane = iota
	// BestEffort payloads are dropped when something is wrong.
	BestEffort
	// Awaited payloads are Must, and a client waits for done: they are confirmed
	// at once.
	Awaited
)

// Bus is how nodes reach each other: one inbox a node (P3).
type Bus interface {
	// Send queues a payload for another node and returns at once; what one
	// node sends to another arrives in its order. The payload is kept: do not
	// change it. ErrUnavailable: the node is gone, its inbox is full, or what
	// the nodes share is away; nothing is queued then. On the Must lane done,
	// if not nil, is called once when it can not be lost any more unless both
	// nodes die, or with an error.
	Send(to Peer, kind Kind, lane Lane, payload []byte, done func(error)) error
	// Self is this node, and Nodes are all that hold a lease, as this node
	// knows: it asks nobody.
	Self() Node
	Nodes() []Node
}

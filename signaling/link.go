package signaling

import (
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Link is what a dialect is to the switchboard: the way to one client. It
// outlives the client's socket: while the client is away it keeps Must events
// for its return (within the resume window, bounded in bytes) and drops the
// others. All methods may be called from any goroutine and none blocks.
type Link interface {
	// Send queues an event; Flush puts what is queued on its way.
	Send(ev *wire.Event)
	Flush()
	// Heartbeat changes how often the client is pinged, and after how long
	// without a sign of life it counts as vanished; zeros restore the
	// dialect's own.
	Heartbeat(every, timeout time.Duration)
	// Close ends the link for good, with a reason; the session's Closed is
	// called in the course of it or has been already.
	Close(why wire.CloseCode)
	// Peer is the client's address, for logs.
	Peer() string
}

// Request is one event as a dialect has read it. Its slices are valid only
// while Session.Receive runs.
type Request struct {
	Event []byte   // the name
	Args  [][]byte // raw JSON, validated
	// Reply is nil where the client asked for no acknowledgement.
	Reply Replier
}

// Replier answers one request. A dialect may reuse it after Receive returned.
type Replier interface {
	// Ack answers with arguments: raw JSON, comma separated.
	Ack(args []byte)
	// Fail answers with an error.
	Fail(p *wire.Problem)
	// Later returns one that may answer after Receive has returned, from any
	// goroutine, once.
	Later() Replier
}

// Hello is what a client told of itself when it connected.
type Hello struct {
	SessionID string
	// Device is auth.deviceId, or "" for the session's own lineage.
	Device string
	// Extended clients know the events of DESIGN 1.2.
	Extended bool
	// Dialect is for logs and metrics: "socket.io" or "json".
	Dialect string
	// Moved: the session was another node's and goes on here, where it was.
	Moved bool
	// Luggage is what it had there.
	Luggage Luggage
}

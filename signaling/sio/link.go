package sio

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// link is the signaling.Link of one socket. It is made when the client is
// admitted and lives as long as the socket, over all its transports.
type link struct {
	srv      *Server
	so       *socketio.Socket
	device   string // auth.deviceId, or that of the seal; "": the socket's id
	extended bool
	resume   bool // auth.resume: a clean close is no goodbye

	entrance *entrance // between admission and connection only

	sess    atomic.Pointer[signaling.Session]
	renewed atomic.Pointer[auth.Identity] // of the client that is recovering
	gone    atomic.Bool

	mu       sync.Mutex
	every    time.Duration // heartbeat; zero: the server's
	patience time.Duration
}

var _ signaling.Link = (*link)(nil)

func linkOf(so *socketio.Socket) *link { return so.Data.(*link) }

func (l *link) deviceID() string {
	if l.device == "" {
		return l.so.ID()
	}
	return l.device
}

// Send queues an event.
func (l *link) Send(ev *wire.Event) {
	lane := socketio.MustArrive
	if ev.Lane == wire.Droppable {
		lane = socketio.Droppable
	}
	var queued bool
	if ev.Shared {
		queued = l.so.Send(lane, ev.Encoded(wire.SocketIO, encodeShared).(*socketio.Message))
	} else {
		queued = l.so.EmitOwned(lane, ev.Name, ev.Args)
	}
	if !queued {
		if sess := l.sess.Load(); sess != nil {
			sess.Stray(ev)
		}
	}
}

func encodeShared(ev *wire.Event) any {
	if b := ev.Binary; b != nil {
		return socketio.NewBinaryMessage(ev.Name, b.Args, b.Attachments)
	}
	return socketio.NewMessage(ev.Name, ev.Args)
}

// Flush sends what is queued, once the session is there: a client that was
// answered may be cut and recover at once.
func (l *link) Flush() {
	if l.sess.Load() != nil {
		l.so.Flush()
	}
}

// Heartbeat changes how often the client is pinged.
func (l *link) Heartbeat(every, timeout time.Duration) {
	l.mu.Lock()
	l.every, l.patience = every, heartbeatTimeout(every, timeout)
	l.mu.Unlock()
	l.applyHeartbeat()
}

func (l *link) applyHeartbeat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if es := l.so.Engine(); es != nil {
		es.SetHeartbeat(l.every, l.patience)
	}
}

// Close ends the link for good, by a DISCONNECT packet, which makes clients stay
// away; or, if they shall come back, cuts the transport (C9).
func (l *link) Close(why wire.CloseCode) {
	if !why.Final {
		l.so.Cut()
		return
	}
	l.so.Disconnect(true)
}

// Peer is the client's address.
func (l *link) Peer() string {
	if es := l.so.Engine(); es != nil {
		return es.RemoteAddr()
	}
	return ""
}

// request is one event on its way through the switchboard, from a pool.
type request struct {
	signaling.Request
	event *socketio.Event
	few   [8][]byte
}

var requests = sync.Pool{New: func() any { return new(request) }}

func (r *request) free() {
	*r = request{}
	requests.Put(r)
}

// Ack acknowledges with arguments; no flush.
func (r *request) Ack(args []byte) { r.event.AckRaw(args) }

// Fail acknowledges with one argument, {"error":{"code":…,"message":…}}.
func (r *request) Fail(p *wire.Problem) { r.event.AckRaw(wire.AppendErrorArg(nil, p)) }

// Later is good after the request has been given back, as its event is not.
func (r *request) Later() signaling.Replier { return lateReply{r.event.Token()} }

type lateReply struct{ token socketio.AckToken }

func (r lateReply) Ack(args []byte)          { r.token.Reply(args) }
func (r lateReply) Fail(p *wire.Problem)     { r.token.Reply(wire.AppendErrorArg(nil, p)) }
func (r lateReply) Later() signaling.Replier { return r }

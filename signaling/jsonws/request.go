package jsonws

import (
	"errors"
	"sync"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

var errPingTimeout = errors.New("jsonws: no sign of life")

// request is one event on its way through the switchboard, from a pool.
type request struct {
	signaling.Request
	frame frame
	conn  *wsconn.Conn
}

var requests = sync.Pool{New: func() any { return new(request) }}

func (r *request) free() {
	*r = request{}
	requests.Put(r)
}

// Ack answers the event. The socket is flushed when its batch is through.
func (r *request) Ack(args []byte) {
	var buf [256]byte
	r.conn.Queue(wsconn.MustArrive, false, appendAck(buf[:0], r.frame.id, args))
}

// Fail answers the event with an error.
func (r *request) Fail(p *wire.Problem) {
	var buf [256]byte
	r.conn.Queue(wsconn.MustArrive, false, appendFail(buf[:0], r.frame.id, p))
}

// Later is good after the request has been given back.
func (r *request) Later() signaling.Replier {
	return &lateReply{conn: r.conn, id: r.frame.id}
}

type lateReply struct {
	conn *wsconn.Conn
	id   int64
}

func (r *lateReply) Ack(args []byte) {
	r.conn.Queue(wsconn.MustArrive, false, appendAck(nil, r.id, args))
}

func (r *lateReply) Fail(p *wire.Problem) {
	r.conn.Queue(wsconn.MustArrive, false, appendFail(nil, r.id, p))
}

func (r *lateReply) Later() signaling.Replier { return r }

package sio

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/socketio"
)

// entrance is what is known of a client between its admission and its session.
type entrance struct {
	id *auth.Identity
	// sealed: it showed a pid of its own, of a session of the link's device.
	sealed  bool
	luggage signaling.Luggage // of a session that comes from another node
}

// seal says in every pid which device the client is.
func (s *Server) seal(so *socketio.Socket) string {
	l := linkOf(so)
	user := ""
	if sess := l.sess.Load(); sess != nil {
		user = sess.User()
	} else if e := l.entrance; e != nil {
		user = e.id.User
	}
	return signaling.Seal(s.cfg.Key, user, l.deviceID())
}

// unseal reads which device of the user had that pid.
func (s *Server) unseal(pid, user string) (device string, ok bool) {
	_, seal, found := strings.Cut(pid, ".")
	if !found {
		return "", false
	}
	return signaling.Unseal(s.cfg.Key, user, seal)
}

// fetch gets the socket of a client from the node where it was, if that still
// has it (C9). The client has been authenticated; the other node checks the pid.
func (s *Server) fetch(ctx context.Context, so *socketio.Socket, pid, offset string, given bool) *socketio.State {
	l := linkOf(so)
	e := l.entrance
	if !e.sealed || so.Namespace().Name() != "/" {
		return nil
	}
	q := want{pid: pid, offset: offset, given: given, extended: l.extended}
	got := s.sw.Take(ctx, signaling.TakeSocketIO, e.id.User, l.device, signaling.TagOf(pid), q.encode())
	if got == nil || got.Late || got.InUse {
		return nil
	}
	st := new(socketio.State)
	if err := st.UnmarshalBinary(got.State); err != nil {
		s.cfg.Logger.Error("a socket from another node can not be read", "user", e.id.User, "error", err)
		return nil
	}
	e.luggage = got.Luggage
	return st
}

// arriveTime bounds the waiting of another node for a socket that arrives here.
const arriveTime = time.Second

// handOver gives a session to the node that its client has come to.
func (s *Server) handOver(to presence.Peer, user string, ask []byte) *signaling.Taken {
	q, err := decodeWant(ask)
	if err != nil {
		s.cfg.Logger.Error("a question of another node can not be read", "node", to.Name, "error", err)
		return nil
	}
	root := s.io.Of("/")
	ctx, cancel := context.WithTimeout(context.Background(), arriveTime)
	root.Arrived(ctx, q.pid) // it may be arriving in this moment
	cancel()
	so := root.ByPID(q.pid)
	if so == nil {
		return nil
	}
	l := linkOf(so)
	sess := l.sess.Load()
	if sess == nil || sess.User() != user || l.extended != q.extended {
		return nil
	}
	// First the session, so that what comes for it from now on is forwarded.
	luggage, ok := sess.Moved(to)
	if !ok {
		return nil
	}
	st, _ := so.Export(q.offset, q.given)
	if st == nil {
		sess.Abandoned()
		return &signaling.Taken{Late: true}
	}
	state, err := st.MarshalBinary()
	if err != nil { // it never fails
		sess.Abandoned()
		return &signaling.Taken{Late: true}
	}
	return &signaling.Taken{Luggage: luggage, State: state}
}

// want asks for a socket.
type want struct {
	pid, offset     string
	given, extended bool
}

const wantVersion = 1

var errWant = errors.New("sio: a question that can not be read")

func (q *want) encode() []byte {
	flags := byte(0)
	if q.given {
		flags |= 1
	}
	if q.extended {
		flags |= 2
	}
	b := append(make([]byte, 0, len(q.pid)+len(q.offset)+4), wantVersion, flags)
	b = binary.AppendUvarint(b, uint64(len(q.pid)))
	b = append(b, q.pid...)
	return append(b, q.offset...)
}

func decodeWant(b []byte) (q want, err error) {
	if len(b) < 3 || b[0] != wantVersion {
		return q, errWant
	}
	q.given, q.extended = b[1]&1 != 0, b[1]&2 != 0
	n, w := binary.Uvarint(b[2:])
	if b = b[2:]; w <= 0 || n > uint64(len(b)-w) {
		return q, errWant
	}
	q.pid, q.offset = string(b[w:w+int(n)]), string(b[w+int(n):])
	return q, nil
}

package socketio

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// ConnectError refuses a client: it is what a middleware returns to choose the
// contents of the CONNECT_ERROR packet, {"message":…,"data":…}.
type ConnectError struct {
	Message string
	Data    any // left out if nil
}

func (e *ConnectError) Error() string { return e.Message }

// ErrComeAgain is what a middleware returns to have the transport closed in place
// of a CONNECT_ERROR: clients come back by themselves then, while one that got
// a CONNECT_ERROR stays away.
var ErrComeAgain = errors.New("socketio: come again")

// connect handles a CONNECT packet for a namespace that the client is not in.
func (c *client) connect(h *header) {
	name := h.nsp
	if name == nil {
		name = []byte("/")
	}
	n := c.srv.lookup(name)
	if n == nil {
		c.refuse(name, &ConnectError{Message: "Invalid namespace"})
		return
	}
	auth := json.RawMessage("{}")
	if len(h.payload) > 0 {
		auth = bytes.Clone(h.payload)
	}
	fresh := &Socket{nsp: n, id: c.srv.newID(15), hs: &Handshake{Handshake: c.handshake(), Auth: auth}}
	if c.srv.cfg.Recovery.Window > 0 {
		fresh.rec = &recovery{pid: c.srv.newID(18), limit: &c.srv.cfg.Recovery}
	}
	if err := n.admit(fresh); err != nil {
		n.remove(fresh)
		if errors.Is(err, ErrComeAgain) {
			c.es.Abort()
		} else {
			c.refuse(name, err)
		}
		return
	}
	was := claimed(auth)
	if fresh.rec != nil && was.pid != "" {
		// An earlier try may be on its way in; this one comes after it.
		leave, err := n.entrance.Enter(c.srv.ctx, bare(was.pid))
		if err != nil { // the server is closing
			n.remove(fresh)
			c.es.Abort()
			return
		}
		defer leave()
	}
	old := c.recover(n, fresh, &was)
	if old == fresh {
		return // it is an older one that is connected now
	}
	var moved *State
	if old == nil {
		moved = c.fetch(fresh, &was)
	}
	// One that was fetched is nowhere else any more: if its transport is gone
	// meanwhile it is away, as OnClose, which waits for us, will find.
	if c.es.Closed() && moved == nil {
		n.remove(fresh)
		return
	}
	if moved != nil {
		fresh.adopt(moved)
	}
	fresh.replaces = old
	n.add(fresh)
	c.put(fresh)
	if !fresh.connect(c, moved) {
		return
	}
	c.confirm()
	for _, f := range n.setup.Load().connection {
		fresh.guard(func() { f(fresh) })
	}
	if old != nil {
		old.end(ReasonReplaced, engine.Close{Reason: engine.ReasonForced})
	}
}

// claim is what a client says of the socket that it wants to be again.
type claim struct {
	pid    string
	offset string
	given  bool // it has seen packets, the last of which had this offset
}

func claimed(auth []byte) (was claim) {
	_ = rawjson.Object(auth, func(key, value []byte) bool { // it is valid
		switch string(key) {
		case "pid":
			was.pid, _ = rawjson.String(value)
		case "offset":
			was.offset, was.given = rawjson.String(value)
			was.given = was.given || !rawjson.IsNull(value)
		}
		return true
	})
	return was
}

// recover tries to make the client an older socket. It returns fresh if that
// worked, the older socket if it was the right one but the client has missed too
// much, else nil.
func (c *client) recover(n *Namespace, fresh *Socket, was *claim) *Socket {
	if fresh.rec == nil || was.pid == "" || c.es.Closed() {
		return nil
	}
	old := n.ByPID(was.pid)
	if old == nil {
		return nil
	}
	if allow := c.srv.cfg.Recovery.Allow; allow != nil {
		allowed := false
		fresh.guard(func() { allowed = allow(old, fresh) })
		if !allowed {
			return nil
		}
	}
	ok, tooLate := old.takeOver(c, fresh, was.offset, was.given)
	if ok {
		n.remove(fresh)
		c.confirm()
		return fresh
	}
	if tooLate {
		return old
	}
	return nil
}

// confirm notes that the client is in a namespace.
func (c *client) confirm() {
	c.stopWaiting()
	c.es.Confirm()
}

// admit runs the middlewares.
func (n *Namespace) admit(s *Socket) (err error) {
	for _, f := range n.setup.Load().middlewares {
		err = errors.New("internal error") // if it panics
		s.guard(func() { err = f(s) })
		if err != nil {
			return err
		}
	}
	return nil
}

// refuse sends CONNECT_ERROR.
func (c *client) refuse(nsp []byte, err error) {
	body := struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{Message: err.Error()}
	var ce *ConnectError
	if errors.As(err, &ce) {
		body.Message, body.Data = ce.Message, ce.Data
	}
	b, jsonErr := marshal(body)
	if jsonErr != nil {
		c.srv.cfg.Logger.Error("socketio: data of a ConnectError", "error", jsonErr)
		body.Data = nil
		b, _ = marshal(body)
	}
	c.srv.cfg.Logger.Debug("socketio: connection refused", "namespace", fmt.Sprintf("%.64s", nsp), "error", err)
	if string(nsp) == "/" {
		c.es.Queue(MustArrive, false, []byte("4"), b)
		return
	}
	c.es.Queue(MustArrive, false, []byte("4"), nsp, commas, b)
}

// sendConnect queues the answer to CONNECT; pid is what pidText returned.
func (c *client) sendConnect(s *Socket, pid string) {
	b := make([]byte, 0, 160)
	b = append(b, '0')
	b = append(b, s.nsp.binaryTail...)
	b = append(b, `{"sid":"`...)
	b = append(b, s.id...)
	if s.rec != nil {
		b = append(b, `","pid":"`...)
		b = append(b, pid...)
	}
	b = append(b, `"}`...)
	c.es.Queue(MustArrive, false, b)
}

// sealBorder is what stands between a pid and what Recovery.Seal adds to it.
const sealBorder = "."

// bare is a pid without what Recovery.Seal added.
func bare(pid string) string {
	pid, _, _ = strings.Cut(pid, sealBorder)
	return pid
}

// pidText is the pid as the client gets it. It must not be called with a lock
// held: it asks the application.
func (s *Socket) pidText() string {
	if s.rec == nil {
		return ""
	}
	f := s.rec.limit.Seal
	if f == nil {
		return s.rec.pid
	}
	var seal string
	s.guard(func() { seal = f(s) })
	if seal == "" {
		return s.rec.pid
	}
	return s.rec.pid + sealBorder + seal
}

// newID returns n random bytes in base64url, behind the server's tag.
func (s *Server) newID(n int) string {
	var b [24]byte
	_, _ = rand.Read(b[:n]) // never fails
	id := base64.RawURLEncoding.EncodeToString(b[:n])
	if s.cfg.Engine.Tag == nil {
		return id
	}
	return engine.Tagged(s.cfg.Engine.Tag(), id)
}

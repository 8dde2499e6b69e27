package socketio

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

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
		c.refuse(name, err)
		return
	}
	old := c.recover(n, fresh, auth)
	if old == fresh {
		return // it is an older one that is connected now
	}
	if c.es.Closed() {
		n.remove(fresh)
		return
	}
	fresh.replaces = old
	n.add(fresh)
	c.put(fresh)
	if !fresh.connect(c) {
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

// recover tries to make the client an older socket. It returns fresh if that
// worked, the older socket if it was the right one but the client has missed too
// much, else nil.
func (c *client) recover(n *Namespace, fresh *Socket, auth []byte) *Socket {
	if fresh.rec == nil || c.es.Closed() {
		return nil
	}
	var pid, offset string
	var given bool
	_ = rawjson.Object(auth, func(key, value []byte) bool { // it is valid
		switch string(key) {
		case "pid":
			pid, _ = rawjson.String(value)
		case "offset":
			offset, given = rawjson.String(value)
			given = given || !rawjson.IsNull(value)
		}
		return true
	})
	if pid == "" {
		return nil
	}
	n.mu.RLock()
	old := n.pids[pid]
	n.mu.RUnlock()
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
	ok, tooLate := old.takeOver(c, fresh, offset, given)
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

// sendConnect queues the answer to CONNECT.
func (c *client) sendConnect(s *Socket) {
	b := make([]byte, 0, 96)
	b = append(b, '0')
	b = append(b, s.nsp.binaryTail...)
	b = append(b, `{"sid":"`...)
	b = append(b, s.id...)
	if s.rec != nil {
		b = append(b, `","pid":"`...)
		b = append(b, s.rec.pid...)
	}
	b = append(b, `"}`...)
	c.es.Queue(MustArrive, false, b)
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

package socketio

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

// client is one transport session with the namespaces that are multiplexed on
// it. It is the engine's Handler.
type client struct {
	srv *Server
	es  *engine.Socket

	// Owned by the goroutine that reads.
	partial *partial

	mu    sync.Mutex // taken last: nothing is called with it held
	one   *Socket    // of the namespace connected to first; most clients have no other
	more  []*Socket
	hs    *engine.Handshake
	waits *connectTimer // until it connected to a namespace
}

// connectTimer closes a transport that connects to no namespace.
type connectTimer struct {
	timer  wheel.Timer
	client *client
}

func (t *connectTimer) Expire() { t.client.es.Close() }

func (s *Server) accept(es *engine.Socket, hs *engine.Handshake) engine.Handler {
	if s.closing.Load() {
		return nil
	}
	c := &client{srv: s, es: es, hs: hs}
	c.waits = &connectTimer{client: c}
	s.wheel.Schedule(&c.waits.timer, s.cfg.ConnectTimeout, c.waits)
	return c
}

// OnMessage gets one Engine.IO message: a packet's text, or an attachment.
func (c *client) OnMessage(_ *engine.Socket, isBinary bool, data []byte) {
	if isBinary {
		c.attachment(data)
		return
	}
	if c.partial != nil {
		c.broken(fmt.Errorf("%w: text where an attachment belongs", ErrParse))
		return
	}
	e := events.Get().(*Event)
	c.packet(data, e)
	*e = Event{}
	events.Put(e)
}

// packet handles the text of a packet. e is empty.
func (c *client) packet(data []byte, e *Event) {
	var h header
	if err := parseInto(&h, data, c.srv.cfg.MaxAttachments, e.few[:0]); err != nil {
		c.broken(err)
		return
	}
	s, known := c.find(h.nsp)
	if h.kind == typeConnect && s == nil {
		c.connect(&h)
		return
	}
	if !known || h.kind == typeConnect || h.kind == typeConnectError {
		c.violation()
		return
	}
	if h.attachments > 0 {
		text := bytes.Clone(data)
		p := &partial{text: text}
		if err := parse(&p.h, text, c.srv.cfg.MaxAttachments); err != nil {
			c.broken(err)
			return
		}
		c.partial = p
		return
	}
	c.deliver(s, &h, nil, e)
}

// attachment gets one binary message.
func (c *client) attachment(data []byte) {
	p := c.partial
	if p == nil {
		c.broken(fmt.Errorf("%w: attachment without a packet", ErrParse))
		return
	}
	if p.bytes += int64(len(data)); p.bytes > c.srv.cfg.MaxAttachmentBytes {
		c.broken(fmt.Errorf("%w: attachments are too large", ErrParse))
		return
	}
	p.attachments = append(p.attachments, bytes.Clone(data))
	if len(p.attachments) < p.h.attachments {
		return
	}
	c.partial = nil
	s, _ := c.find(p.h.nsp)
	e := events.Get().(*Event)
	c.deliver(s, &p.h, p.attachments, e)
	*e = Event{}
	events.Put(e)
}

// events are reused: an Event is valid during the call only.
var events = sync.Pool{New: func() any { return new(Event) }}

// deliver hands a complete packet to its socket; nil: one that the server has
// disconnected, whose client may not know it yet.
func (c *client) deliver(s *Socket, h *header, attachments [][]byte, e *Event) {
	if h.binary && len(h.payload) > 0 && !checkPlaceholders(h.payload, len(attachments)) {
		c.broken(fmt.Errorf("%w: illegal attachments", ErrParse))
		return
	}
	switch h.kind {
	case typeDisconnect:
		if s != nil {
			c.drop(s)
			s.end(ReasonClientDisconnect, engine.Close{Reason: engine.ReasonTransportClose})
		}
	case typeEvent:
		if len(h.payload) == 0 {
			return // Node's server ignores an event without a name
		}
		name, args, err := splitEvent(h.payload)
		if err != nil {
			c.broken(err)
			return
		}
		if s == nil {
			return
		}
		e.Socket, e.Name, e.Args, e.AckID, e.HasAck = s, name, args, h.id, h.hasID
		e.Attachments, e.payload, e.elems, e.binary = attachments, h.payload, h.elems, h.binary
		s.deliver(e)
	case typeAck:
		if s == nil || !h.hasID {
			return
		}
		q := s.takeAck(h.id)
		if q == nil {
			return
		}
		e.Socket, e.Attachments, e.payload, e.binary = s, attachments, h.payload, h.binary
		if len(h.payload) > 0 {
			e.Args = trim(h.payload[1 : len(h.payload)-1])
		}
		s.guard(func() { q.answer(e, nil) })
	}
}

// deliver calls the listeners.
func (s *Socket) deliver(e *Event) {
	defer s.nsp.srv.caught(s)
	s.dispatch(e)
}

// OnIdle ends a batch.
func (c *client) OnIdle(*engine.Socket) {
	c.mu.Lock()
	one, more := c.one, c.more
	c.mu.Unlock()
	c.idle(one)
	for _, s := range more {
		c.idle(s)
	}
}

func (c *client) idle(s *Socket) {
	if s == nil || s.client.Load() != c {
		return
	}
	hook, own := s.nsp.hooks().Idle, s.heard().idle
	if hook == nil && own == nil {
		return
	}
	s.guard(func() {
		if hook != nil {
			hook(s)
		}
		if own != nil {
			own()
		}
	})
}

// OnClose is the end of the transport.
func (c *client) OnClose(_ *engine.Socket, cl engine.Close) {
	c.partial = nil
	c.stopWaiting()
	reason := reasonOf(cl.Reason)
	if c.srv.closing.Load() {
		reason = ReasonShutdown
	}
	c.mu.Lock()
	all := append(append([]*Socket{}, c.one), c.more...)
	c.one, c.more, c.hs = nil, nil, nil
	c.mu.Unlock()
	for _, s := range all {
		if s != nil {
			s.lost(c, reason, cl)
		}
	}
}

// OnPing notes what was queued before a ping.
func (c *client) OnPing(*engine.Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mark := func(s *Socket) {
		if s != nil && s.rec != nil && s.client.Load() == c {
			s.rec.pinged.Store(s.rec.queued.Load())
		}
	}
	mark(c.one)
	for _, s := range c.more {
		mark(s)
	}
}

// OnPong drops what the client has confirmed with it.
func (c *client) OnPong(*engine.Socket) {
	for _, s := range c.sockets() {
		if s.rec == nil {
			continue
		}
		s.mu.Lock()
		if s.client.Load() == c {
			s.rec.confirm(s.rec.pinged.Load())
		}
		s.mu.Unlock()
	}
}

// broken ends the session over a packet that can't be decoded.
func (c *client) broken(err error) {
	c.srv.cfg.Logger.Debug("socketio: parse error", "remote", c.es.RemoteAddr(), "error", err)
	c.es.Fail(engine.ReasonParseError, engine.CodeParseError, err)
}

// violation ends the session over a packet that has no place there.
func (c *client) violation() {
	c.srv.cfg.Logger.Debug("socketio: packet out of order", "remote", c.es.RemoteAddr())
	c.es.Fail(engine.ReasonForced, engine.CodeForbidden, nil)
}

// disconnect sends DISCONNECT for one namespace and ends its socket.
func (c *client) disconnect(s *Socket, reason Reason) {
	s.mu.Lock()
	if s.client.Load() == c {
		c.es.Queue(MustArrive, false, []byte("1"), s.nsp.binaryTail)
	}
	s.mu.Unlock()
	s.end(reason, engine.Close{Reason: engine.ReasonForced})
}

func (c *client) stopWaiting() {
	c.mu.Lock()
	t := c.waits
	c.waits = nil
	c.mu.Unlock()
	if t != nil {
		c.srv.wheel.Stop(&t.timer)
	}
}

// handshake returns what opened the transport, or as much as is left of it.
func (c *client) handshake() *engine.Handshake {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hs != nil {
		return c.hs
	}
	return &engine.Handshake{Query: url.Values{}, Header: http.Header{}, RemoteAddr: c.es.RemoteAddr()}
}

func (c *client) releaseHandshake() {
	c.mu.Lock()
	c.hs = nil
	c.mu.Unlock()
	c.es.ReleaseHandshake()
}

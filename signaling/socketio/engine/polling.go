package engine

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// polling is what a session has only while it polls; guarded by its mu.
type polling struct {
	queue   queue
	get     chan []byte   // the poll that waits
	posting bool          // a POST is being read
	polled  chan struct{} // closed by the next poll, for one who waits for it
}

// answer ends the waiting poll.
func (p *polling) answer(body []byte) {
	p.get <- body // has room for one
	p.get = nil
}

// flushPollLocked gives what is queued to the waiting poll.
func (s *Socket) flushPollLocked() {
	if p := s.poll; p != nil && p.get != nil && !p.queue.empty() {
		p.answer(p.queue.payload())
	}
}

// servePoll is a GET of a session.
func (s *Socket) servePoll(w http.ResponseWriter, r *http.Request) {
	s.awaitUpgrade(r.Context())
	s.mu.Lock()
	p := s.poll
	switch state := s.state.Load(); {
	case p == nil:
		s.mu.Unlock()
		refuse(w, BadRequest) // upgraded meanwhile
		return
	case state == closed:
		s.mu.Unlock()
		refuse(w, UnknownSession)
		return
	case s.expiredLocked():
		s.finish(Close{Reason: ReasonPingTimeout}, 0)
		refuse(w, UnknownSession)
		return
	case p.get != nil:
		s.finish(Close{Reason: ReasonTransportError, Err: errOverlap}, 0)
		refuse(w, BadRequest)
		return
	case state == closing && p.queue.empty():
		p.get = make(chan []byte, 1)
		get := p.get
		s.finish(Close{Reason: ReasonForced}, 0)
		s.writePoll(w, <-get)
		return
	}
	if p.polled != nil {
		close(p.polled)
		p.polled = nil
	}
	get := make(chan []byte, 1)
	p.get = get
	s.flushPollLocked()
	if s.state.Load() == closing {
		s.awaitLastPollLocked()
	}
	s.mu.Unlock()

	select {
	case body := <-get:
		s.writePoll(w, body)
	case <-r.Context().Done():
		s.mu.Lock()
		if p.get == get {
			p.get = nil
			s.finish(Close{Reason: ReasonTransportError, Err: errPollGone}, 0)
			return
		}
		s.mu.Unlock()
		s.writePoll(w, <-get)
	}
}

// writePoll answers a poll. A client that does not take it loses the session:
// it would miss what was in it.
func (s *Socket) writePoll(w http.ResponseWriter, body []byte) {
	if err := writeBody(w, "text/plain; charset=UTF-8", body, s.srv.cfg.WriteTimeout); err != nil {
		s.Fail(ReasonTransportError, 0, err)
	}
}

func writeBody(w http.ResponseWriter, contentType string, body []byte, timeout time.Duration) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", itoa(len(body)))
	// Best effort: not every ResponseWriter has deadlines.
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(timeout))
	if _, err := w.Write(body); err != nil {
		return err
	}
	if len(body) <= 1024 {
		_ = rc.SetWriteDeadline(time.Time{})
		return nil // fits into net/http's buffer
	}
	err := rc.Flush()
	_ = rc.SetWriteDeadline(time.Time{})
	return err
}

// bodies are the buffers POSTs are read into.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// servePost is a POST of a session.
func (s *Socket) servePost(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.poll
	switch {
	case p == nil:
		s.mu.Unlock()
		refuse(w, BadRequest)
		return
	case s.state.Load() == closed:
		s.mu.Unlock()
		refuse(w, UnknownSession)
		return
	case s.expiredLocked():
		s.finish(Close{Reason: ReasonPingTimeout}, 0)
		refuse(w, UnknownSession)
		return
	case p.posting:
		s.finish(Close{Reason: ReasonTransportError, Err: errOverlap}, 0)
		refuse(w, BadRequest)
		return
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream"):
		s.finish(Close{Reason: ReasonTransportError, Err: errContentType}, 0)
		refuse(w, BadRequest)
		return
	}
	p.posting = true
	s.mu.Unlock()

	body := bodies.Get().(*bytes.Buffer)
	body.Reset()
	tooLarge, err := s.read(body, w, r)
	if !tooLarge && err == nil {
		err = s.receivePayload(r.Context(), body.Bytes())
	}
	if body.Cap() <= 64<<10 {
		bodies.Put(body)
	}

	s.mu.Lock()
	p.posting = false
	s.mu.Unlock()
	switch {
	case tooLarge:
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case err != nil:
		refuse(w, BadRequest)
	default:
		_ = writeBody(w, "text/html", []byte("ok"), s.srv.cfg.WriteTimeout)
	}
}

// read reads the body of a POST; a body that breaks off ends the session.
func (s *Socket) read(dst *bytes.Buffer, w http.ResponseWriter, r *http.Request) (tooLarge bool, err error) {
	limit := s.srv.cfg.MaxPayload
	if r.ContentLength > limit {
		return true, nil
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(s.srv.cfg.PingInterval + s.srv.cfg.PingTimeout))
	n, err := dst.ReadFrom(io.LimitReader(r.Body, limit+1))
	_ = rc.SetReadDeadline(time.Time{})
	if n > limit {
		return true, nil
	}
	if err != nil {
		s.Fail(ReasonTransportError, 0, err)
	}
	return false, err
}

// receivePayload handles the packets of a POST.
func (s *Socket) receivePayload(ctx context.Context, body []byte) error {
	s.recv.Lock()
	defer s.leave()
	decode := payload{rest: body}
	for {
		pk, ok, err := decode.next()
		if err != nil {
			s.Fail(ReasonParseError, 0, err)
			return err
		}
		if !ok {
			break
		}
		if pk.kind == typeClose {
			s.awaitPoll(ctx)
		}
		if err := s.receive(pk); err != nil {
			return err
		}
	}
	if s.state.Load() == open {
		s.handler.OnIdle(s)
		s.Flush()
	}
	return nil
}

// overtaken is how long a request waits for another one of the same client that
// was sent before it but may have been overtaken: they come over different
// connections.
const overtaken = 50 * time.Millisecond

// awaitPoll returns when a poll waits for its answer, or soon. A client that
// says goodbye has one waiting, which is to be answered.
func (s *Socket) awaitPoll(ctx context.Context) {
	s.mu.Lock()
	p := s.poll
	if p == nil || p.get != nil || s.state.Load() != open {
		s.mu.Unlock()
		return
	}
	polled := make(chan struct{})
	p.polled = polled
	s.mu.Unlock()
	waitBriefly(ctx, polled)
}

// awaitUpgrade returns when an upgrade that is about to happen has happened, or
// soon. A client that has sent its upgrade packet polls no more; one that does
// nevertheless is to be refused.
func (s *Socket) awaitUpgrade(ctx context.Context) {
	s.mu.Lock()
	pr := s.probe
	if pr == nil || !pr.ready {
		s.mu.Unlock()
		return
	}
	if pr.over == nil {
		pr.over = make(chan struct{})
	}
	over := pr.over
	s.mu.Unlock()
	waitBriefly(ctx, over)
}

func waitBriefly(ctx context.Context, event <-chan struct{}) {
	t := time.NewTimer(overtaken)
	defer t.Stop()
	select {
	case <-event:
	case <-t.C:
	case <-ctx.Done():
	}
}

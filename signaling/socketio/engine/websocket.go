package engine

import (
	"errors"

	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// wsHandler is a Socket as the handler of its WebSocket.
type wsHandler Socket

// OnMessage gets one WebSocket message.
func (h *wsHandler) OnMessage(_ *wsconn.Conn, binary bool, data []byte) {
	s := (*Socket)(h)
	pk := packet{kind: typeMessage, binary: true, data: data}
	if !binary {
		var err error
		if pk, err = decodeText(data); err != nil {
			s.srv.cfg.Logger.Debug("engine: parse error", "remote", s.remote, "error", err)
			s.Fail(ReasonParseError, CodeParseError, err)
			return
		}
	}
	s.recv.Lock()
	defer s.leave()
	_ = s.receive(pk)
}

// OnIdle ends a batch; wsconn flushes the connection itself.
func (h *wsHandler) OnIdle(*wsconn.Conn) {
	s := (*Socket)(h)
	s.recv.Lock()
	defer s.leave()
	if s.state.Load() == open {
		s.handler.OnIdle(s)
	}
}

// OnClose is the end of the WebSocket and, if this side has not ended it before,
// of the session.
func (h *wsHandler) OnClose(_ *wsconn.Conn, cause wsconn.Cause) {
	s := (*Socket)(h)
	s.mu.Lock()
	if !s.finishLocked(closeOf(cause)) {
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.closed()
}

// closeOf words the end of a WebSocket in the terms of Engine.IO.
func closeOf(cause wsconn.Cause) Close {
	c := Close{Reason: ReasonTransportClose, Code: cause.Code, Err: cause.Err}
	switch {
	case errors.Is(cause.Err, wsconn.ErrSlow):
		c.Reason = ReasonSlow
	case errors.Is(cause.Err, wsconn.ErrServerClosed):
		c.Reason = ReasonForced
	case errors.Is(cause.Err, wsconn.ErrTooBig), errors.Is(cause.Err, wsconn.ErrProtocol),
		errors.Is(cause.Err, wsconn.ErrUTF8), errors.Is(cause.Err, wsconn.ErrEarlyData):
		c.Reason = ReasonTransportError
	}
	return c
}

// deaf is the handler of a WebSocket that was accepted only to be closed.
type deaf struct{}

func (deaf) OnMessage(*wsconn.Conn, bool, []byte) {}
func (deaf) OnIdle(*wsconn.Conn)                  {}
func (deaf) OnClose(*wsconn.Conn, wsconn.Cause)   {}

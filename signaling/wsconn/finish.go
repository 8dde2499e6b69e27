package wsconn

import (
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// finish ends a connection whose reading ended with err. It runs once, on the
// goroutine that read.
func (c *Conn) finish(err error) {
	c.deaf.Store(true)
	c.mu.Lock()
	cause, answer := c.judgeLocked(err)
	if answer != 0 && !c.shut {
		b := c.outLocked()
		b.b = appendClose(b.b, answer, cause.answerReason())
	}
	c.shut = true
	c.lastCall = time.Now().Add(c.srv.cfg.CloseTimeout)
	if c.writing && !c.dead {
		c.deadlineLocked()
	}
	c.mu.Unlock()
	c.lastIdle()
	c.Flush()
	c.waitDrained()
	c.detach()
	if answer != 0 && cause.Local {
		c.linger()
	}

	c.mu.Lock()
	dead := c.dead
	c.dead = true
	c.dropLocked()
	c.state.Store(over)
	c.mu.Unlock()
	if dead || cause.Code == abnormal {
		_ = c.sock.Close()
	} else {
		_ = c.nc.Close()
	}
	c.srv.remove(c)
	defer c.srv.release()
	c.callOnClose(cause)
}

// judgeLocked says why reading ended and with which close code the peer has to
// be answered, 0 for none.
func (c *Conn) judgeLocked(err error) (cause Cause, answer int) {
	if c.ours != nil {
		return *c.ours, 0
	}
	var closed *websocket.CloseError
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, ErrPanic):
		cause = Cause{Code: internalErr, Local: true, Err: err}
	case errors.As(err, &closed) && closed.Code != abnormal:
		return Cause{Code: closed.Code, Reason: closed.Text}, closed.Code
	case errors.Is(err, ErrTooBig) || errors.Is(err, websocket.ErrReadLimit):
		cause = Cause{Code: tooBig, Local: true, Err: ErrTooBig}
	case c.readErr != nil:
		return Cause{Code: abnormal, Err: c.readErr}, 0
	case errors.Is(err, ErrUTF8):
		cause = Cause{Code: badPayload, Reason: "invalid UTF-8", Local: true, Err: ErrUTF8}
	case errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF):
		cause = Cause{Code: badPayload, Reason: "invalid deflate data", Local: true, Err: ErrUTF8}
	default:
		what := strings.TrimPrefix(err.Error(), "websocket: ")
		cause = Cause{Code: protocolErr, Reason: what, Local: true, Err: fmt.Errorf("%w: %s", ErrProtocol, what)}
	}
	return cause, cause.Code
}

// answerReason is what goes with the answer: nothing when a close frame is
// returned, and never more than one frame holds.
func (c Cause) answerReason() string {
	if c.Local {
		return c.Reason
	}
	return ""
}

// waitDrained waits for the one who writes, who has until lastCall.
func (c *Conn) waitDrained() {
	c.mu.Lock()
	if !c.writing {
		c.mu.Unlock()
		return
	}
	if c.drained == nil {
		c.drained = make(chan struct{})
	}
	drained := c.drained
	c.mu.Unlock()
	<-drained
}

// linger lets a peer that is still sending read our close frame: closing a
// socket with unread data resets it, and takes the frame away from the peer.
func (c *Conn) linger() {
	half, ok := c.sock.(interface{ CloseWrite() error })
	if !ok {
		return
	}
	if half.CloseWrite() != nil || c.sock.SetReadDeadline(time.Now().Add(c.srv.cfg.CloseTimeout)) != nil {
		return
	}
	b := c.srv.pools.buffer()
	defer c.srv.pools.put(b)
	for {
		if _, err := c.sock.Read(b.b[:cap(b.b)]); err != nil {
			return
		}
	}
}

// lastIdle lets the handler flush what the last messages were for.
func (c *Conn) lastIdle() {
	defer c.logPanic()
	c.idle()
}

func (c *Conn) callOnClose(cause Cause) {
	defer c.logPanic()
	c.h.OnClose(c, cause)
}

// logPanic is deferred where a handler is called for the last time.
func (c *Conn) logPanic() {
	if p := recover(); p != nil {
		c.srv.cfg.Logger.Error("handler panicked", "remote", c.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
	}
}

package wsconn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

var (
	errPark  = errors.New("wsconn: park") // from wait: the goroutine ends, the connection does not
	errAgain = errors.New("wsconn: nothing to read yet")
)

// read is the goroutine of a connection that is not parked.
func (c *Conn) read() {
	if c.parkable() {
		c.srv.wakeup(c)
	}
	if err := c.readUntil(); err != nil {
		c.finish(err)
	}
}

// readUntil serves the connection until it ends, or is parked: nil.
func (c *Conn) readUntil() (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.srv.cfg.Logger.Error("handler panicked", "remote", c.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", ErrPanic, p)
		}
	}()
	try := c.tryRead
	for {
		switch err := c.boundary(try); {
		case err == nil:
		case errors.Is(err, errPark):
			if c.park() {
				return nil
			}
			continue
		default:
			return err
		}
		if err := c.message(); err != nil {
			return err
		}
	}
}

// boundary returns when the first bytes of a message are in the buffer. Pings
// and pongs end here: gorilla would read on after them, and only here can the
// reader wait without a buffer and be parked.
func (c *Conn) boundary(try func(uintptr) bool) error {
	for {
		if c.br.Buffered() == 0 {
			if err := c.wait(try); err != nil {
				return err
			}
		}
		if control, err := c.control(); err != nil || !control {
			return err
		}
	}
}

// wait waits for the network with nothing in hand.
func (c *Conn) wait(try func(uintptr) bool) error {
	c.idle()
	if c.raw == nil {
		c.attach()
		_, err := c.br.Peek(1)
		return err
	}
	c.detach()
	c.state.CompareAndSwap(running, waiting)
	err := c.raw.Read(try)
	if !c.state.CompareAndSwap(waiting, running) { // the sweep was here
		c.mu.Lock()
		_ = c.sock.SetReadDeadline(time.Time{})
		c.state.Store(running)
		c.mu.Unlock()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errPark
		}
	}
	if err == nil {
		err = c.waitErr
	}
	if err != nil {
		c.readErr = err
	}
	return err
}

// tryRead is called by raw whenever there may be something to read; the buffer
// is there only during the attempt.
func (c *Conn) tryRead(fd uintptr) bool {
	c.attach()
	c.fd = int(fd)
	_, c.waitErr = c.br.Peek(1)
	c.fd = -1
	if c.waitErr == errAgain { //nolint:errorlint // our own, never wrapped; on the hot path
		c.waitErr = nil
		c.detach()
		return false
	}
	return true
}

// Read is what fills the bufio.Reader.
func (w *wire) Read(p []byte) (n int, err error) {
	c := (*Conn)(w)
	if c.fd >= 0 {
		n, err = readNow(c.fd, p)
	} else {
		c.idle()
		if n, err = c.nc.Read(p); err != nil {
			c.readErr = err
		}
	}
	if n > 0 {
		c.lastRead.Store(c.srv.now())
	}
	return n, err
}

// idle comes before anything that may wait for the network.
func (c *Conn) idle() {
	if c.touched {
		c.touched = false
		c.h.OnIdle(c)
		c.Flush()
	} else if c.replied {
		c.Flush()
	}
	c.replied = false
}

// message reads one message and hands it over.
func (c *Conn) message() error {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return err
	}
	if c.msg == nil {
		c.msg = c.srv.pools.buffer()
	}
	b, limit := c.msg.b[:0], c.srv.cfg.MaxMessage
	for err == nil {
		if len(b) == cap(b) {
			b = slices.Grow(b, len(b))
		}
		var n int
		n, err = r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			return ErrTooBig // what it was decompressed to; gorilla counts the bytes of the frames
		}
	}
	c.msg.b = b
	if !errors.Is(err, io.EOF) {
		return err
	}
	if kind == websocket.TextMessage && !utf8.Valid(b) {
		return ErrUTF8
	}
	if !c.deaf.Load() {
		c.touched = true
		c.h.OnMessage(c, kind == websocket.BinaryMessage, b)
	}
	return nil
}

// attach gives br a buffer to read into.
func (c *Conn) attach() {
	if c.shell == nil {
		c.shell = c.srv.pools.reader()
		c.shell.Reset((*wire)(c))
		c.br = *c.shell
	}
}

// detach gives the buffers back; what is in them is lost.
func (c *Conn) detach() {
	if c.shell != nil {
		*c.shell = c.br
		c.br = bufio.Reader{}
		c.srv.pools.putReader(c.shell)
		c.shell = nil
	}
	if c.msg != nil {
		c.srv.pools.put(c.msg)
		c.msg = nil
	}
}

func (c *Conn) parkable() bool { return c.raw != nil && c.srv.poller != nil && !c.unpark }

// askPark makes a reader that waits park. It is on its way to do something else
// if its state is no longer waiting; then nothing is asked of it.
func (c *Conn) askPark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.unpark && c.state.CompareAndSwap(waiting, leaves) {
		_ = c.sock.SetReadDeadline(time.Unix(1, 0))
	}
}

// park hands the descriptor to the poller; false: the goroutine has to go on.
// After true it must not touch the connection again: the next reader may have
// begun.
func (c *Conn) park() bool {
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return false
	}
	c.srv.park(c)
	c.state.Store(parked)
	c.mu.Unlock()
	err := c.srv.poller.watch(c)
	if err == nil || errors.Is(err, net.ErrClosed) {
		return true // closed: whoever did that took the connection over
	}
	c.srv.cfg.Logger.Warn("connection can't be parked", "err", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() != parked {
		return true
	}
	c.unpark = true
	c.state.Store(running)
	return false
}

// resume is called when the poller has seen something for a parked connection.
func (c *Conn) resume() {
	c.mu.Lock()
	was := c.state.CompareAndSwap(parked, running)
	c.mu.Unlock()
	if was {
		go c.read()
	}
}

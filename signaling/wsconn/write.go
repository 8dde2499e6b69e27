package wsconn

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// maxRounds is how often Flush writes what others queued meanwhile before it
// leaves the rest to a goroutine.
const maxRounds = 4

// pieceSize is how much of a backlog counts as progress where only whole writes
// can be seen.
const pieceSize = 16 << 10

// Queue appends a message made of parts, which are copied, to what waits to be
// sent; false: dropped, or the connection is closed. Nothing is written before
// Flush, unless the queue is full.
func (c *Conn) Queue(lane Lane, bin bool, parts ...[]byte) bool {
	n := size(parts)
	if c.deflate && n >= minDeflate {
		b := c.srv.pools.buffer()
		b.b = appendDeflated(b.b, opcode(bin), parts...)
		ok := c.queueEncoded(lane, b.b)
		c.srv.pools.put(b)
		return ok
	}
	if !c.lockForRoom(lane, maxHeader+n) {
		return false
	}
	b := c.outLocked()
	b.b = appendHeader(b.b, opcode(bin), n)
	for _, p := range parts {
		b.b = append(b.b, p...)
	}
	c.mu.Unlock()
	return true
}

// QueueFrame is Queue for a frame that goes to many.
func (c *Conn) QueueFrame(lane Lane, f *Frame) bool {
	if c.deflate {
		return c.queueEncoded(lane, f.compressed())
	}
	return c.queueEncoded(lane, f.plain)
}

func (c *Conn) queueEncoded(lane Lane, frame []byte) bool {
	if !c.lockForRoom(lane, len(frame)) {
		return false
	}
	b := c.outLocked()
	b.b = append(b.b, frame...)
	c.mu.Unlock()
	return true
}

// Pending is the number of bytes that wait unsent.
func (c *Conn) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pendingLocked()
}

func (c *Conn) pendingLocked() int {
	if c.out == nil {
		return c.sending
	}
	return c.sending + len(c.out.b)
}

func (c *Conn) outLocked() *buffer {
	if c.out == nil {
		c.out = c.srv.pools.buffer()
	}
	return c.out
}

// dropLocked forgets what nobody has begun to write.
func (c *Conn) dropLocked() {
	if c.out != nil {
		c.srv.pools.put(c.out)
		c.out = nil
	}
}

// lockForRoom returns true with the lock held if n more bytes may be queued. One
// frame always may when nothing waits, however long it is.
func (c *Conn) lockForRoom(lane Lane, n int) bool {
	for try := 0; ; try++ {
		c.mu.Lock()
		waits := c.pendingLocked()
		switch {
		case c.shut, lane == Droppable && waits > c.srv.cfg.DropAbove:
			c.mu.Unlock()
			return false
		case waits == 0 || waits+n <= c.srv.cfg.MaxQueue:
			return true
		case !c.writing && try == 0: // it may be only that nobody flushed
			c.mu.Unlock()
			c.Flush()
		case lane == Droppable:
			c.mu.Unlock()
			return false
		default:
			c.ours = &Cause{Code: abnormal, Local: true, Err: ErrSlow}
			c.cutLocked()
			return false
		}
	}
}

// Flush writes what waits, without ever blocking: what the socket does not take
// at once is left to a goroutine.
func (c *Conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing || c.out == nil || c.dead {
		return
	}
	c.writing = true
	for round := 0; c.out != nil && !c.dead; round++ {
		if c.raw == nil || round == maxRounds {
			c.srv.retain()
			go c.writeBacklog(nil, 0)
			return
		}
		b := c.takeLocked()
		c.mu.Unlock()
		n, err := c.writeNow(b.b)
		c.mu.Lock()
		if err != nil {
			c.srv.pools.put(b)
			c.writeFailedLocked(err)
			break
		}
		if n < len(b.b) {
			c.sending = len(b.b) - n
			c.srv.retain()
			go c.writeBacklog(b, n)
			return
		}
		c.srv.pools.put(b)
	}
	c.writtenLocked()
}

// takeLocked takes what waits, to write it.
func (c *Conn) takeLocked() *buffer {
	b := c.out
	c.out = nil
	c.sending = len(b.b)
	return b
}

// writtenLocked ends what began with writing = true.
func (c *Conn) writtenLocked() {
	c.writing = false
	c.sending = 0
	if c.drained != nil {
		close(c.drained)
		c.drained = nil
	}
}

// writeBacklog writes, blocking, from b[done:] on until nothing waits.
func (c *Conn) writeBacklog(b *buffer, done int) {
	defer c.srv.release()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.dead {
		if b == nil {
			if c.out == nil {
				break
			}
			b, done = c.takeLocked(), 0
		}
		c.deadlineLocked()
		c.mu.Unlock()
		n, err := c.writeSome(b.b[done:])
		c.mu.Lock()
		done += n
		c.sending -= n
		if err != nil {
			c.writeFailedLocked(err)
			break
		}
		if done == len(b.b) {
			c.srv.pools.put(b)
			b = nil
		}
	}
	if !c.dead {
		_ = c.sock.SetWriteDeadline(time.Time{})
	}
	c.writtenLocked()
}

// deadlineLocked gives the next piece of a backlog its time.
func (c *Conn) deadlineLocked() {
	t := time.Now().Add(c.srv.cfg.WriteTimeout)
	if !c.lastCall.IsZero() && c.lastCall.Before(t) {
		t = c.lastCall
	}
	_ = c.sock.SetWriteDeadline(t)
}

// writeFailedLocked is called by the one who writes. A connection that the peer
// has cut is left to the reader: a close frame may still be in the socket.
func (c *Conn) writeFailedLocked(err error) {
	c.shut = true
	c.dropLocked()
	c.sending = 0
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || c.dead {
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrSlow
	}
	if c.ours == nil {
		c.ours = &Cause{Code: abnormal, Local: errors.Is(err, ErrSlow), Err: err}
	}
	c.cutLocked()
	c.mu.Lock()
}

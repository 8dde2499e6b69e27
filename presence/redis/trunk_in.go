package redis

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// ServeTrunk reads what another node sends to this one over a connection that
// was made with its Config.Dial, until the connection ends or this node leaves or
// takes another epoch. Who calls it has made sure that it is a node.
func (s *Store) ServeTrunk(conn net.Conn) { s.bus.serveTrunk(conn) }

// trunkCame lays the way back to a node that has laid one: it may be so new that
// this one does not know of it, and what goes two ways for a moment may come in
// another order.
func (s *Store) trunkCame() {
	if s.cfg.Dial == nil {
		return
	}
	s.bus.arrivals.do(func(context.Context) {
		now := time.Now()
		if err := s.refresh(now); err == nil {
			s.bus.lay(now)
		}
	})
}

// hears reports whether what comes for a peer may be handled: this node is that
// one still, and holds its lease. Others may have taken back and given away what
// they sent to a node that stood still for longer (P1).
func (s *Store) hears(p presence.Peer) bool {
	if p != s.peer() || s.lease.lost.Load() {
		return false
	}
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	return s.clock.here().Sub(s.lease.held) < s.cfg.Lease
}

func (b *bus) serveTrunk(conn net.Conn) {
	done := make(chan struct{})
	if !b.arrivals.do(func(ctx context.Context) {
		defer close(done)
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		if err := b.hear(conn); err != nil && ctx.Err() == nil {
			b.cfg.Logger.Debug("a trunk ended", "remote", conn.RemoteAddr().String(), "error", err)
		}
	}) {
		close(done)
	}
	<-done
	_ = conn.Close()
}

// hear answers the hello and takes in what comes.
func (b *bus) hear(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 64<<10)
	if err := conn.SetReadDeadline(time.Now().Add(trunkDial)); err != nil {
		return err
	}
	to, err := readHello(r)
	if err != nil {
		return err
	}
	if !b.hears(to) {
		return errDead
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if b.came != nil {
		b.came()
	}
	var own []byte // for frames that r can not hold
	for {
		n, urgent, err := readFrameLen(r)
		if err != nil {
			return err
		}
		var frame []byte
		if n <= r.Size() {
			if frame, err = r.Peek(n); err != nil {
				return err
			}
		} else {
			if cap(own) < n {
				own = make([]byte, n)
			}
			frame = own[:n]
			if _, err = io.ReadFull(r, frame); err != nil {
				return err
			}
		}
		if !b.inbox.straight(to, frame, urgent, wholeFrame(r, n)) {
			return errDead
		}
		if n <= r.Size() {
			_, _ = r.Discard(n) // it was there
		}
		if cap(own) > readBuffer {
			own = nil
		}
	}
}

// wholeFrame reports whether another frame is there behind the first n bytes.
func wholeFrame(r *bufio.Reader, n int) bool {
	if n > r.Size() { // it was read
		n = 0
	}
	rest := r.Buffered() - n
	if rest <= 0 {
		return false
	}
	b, err := r.Peek(n + rest)
	if err != nil {
		return false
	}
	length, k := binary.Uvarint(b[n:])
	return k > 0 && uint64(rest-k) >= length>>1
}

func readHello(r *bufio.Reader) (to presence.Peer, err error) {
	version, err := r.ReadByte()
	if err != nil {
		return to, err
	}
	if version != trunkVersion {
		return to, errTrunk
	}
	for _, dst := range [...]*string{&to.Name, &to.Epoch} {
		n, err := r.ReadByte()
		if err != nil {
			return to, err
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(r, text); err != nil {
			return to, err
		}
		*dst = string(text)
	}
	return to, nil
}

// readFrameLen reads what stands before a batch.
func readFrameLen(r *bufio.Reader) (n int, urgent bool, err error) {
	v, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, false, err
	}
	if v>>1 > maxFrame {
		return 0, false, errTrunk
	}
	return int(v >> 1), v&1 != 0, nil
}

// straight takes in a batch that came over a trunk, as entries does with those of
// the inbox. more: another one is there, so that what this one leads to need not
// be flushed yet. It returns false if nothing of that trunk may be handled any more.
func (r *inbox) straight(to presence.Peer, batch []byte, urgent, more bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	in, heard := r.entry(batch, to, now)
	if !heard {
		r.drainedLocked()
		return false
	}
	if urgent && in != nil && !in.due.IsZero() {
		in.due = now
	}
	if !more {
		r.drainedLocked()
	}
	if in != nil {
		in.confirm(r.bus, now)
	}
	return true
}

// group counts goroutines that end with it.
type group struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	closed bool
	tasks  sync.WaitGroup
}

// do runs f on a goroutine of its own; false: the group has ended.
func (g *group) do(f func(ctx context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if g.cancel == nil {
		g.ctx, g.cancel = context.WithCancel(context.Background())
	}
	g.tasks.Go(func() { f(g.ctx) })
	return true
}

// end ends it and waits.
func (g *group) end() {
	g.mu.Lock()
	g.closed = true
	if g.cancel != nil {
		g.cancel()
	}
	g.mu.Unlock()
	g.tasks.Wait()
}

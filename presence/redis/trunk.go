package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// A trunk is a connection from one node straight to another. Batches that go over
// it cost no Redis, and arrive sooner. It is a short cut, never the only way:
// what was not confirmed when it breaks, or stays unconfirmed for too long, goes
// into the inbox, and the receiver knows by its numbers what it has had.
//
// It begins with a hello from the sender,
//
//	version  1 byte
//	name     of the node that is meant, with its length in one byte
//	epoch    the same
//
// which the receiver answers with one byte, 1, or closes: it has another epoch by
// now. Then come frames from the sender alone:
//
//	length   uvarint: that of the batch, times two, plus one if it is to be
//	         confirmed at once
//	batch    as in an inbox (bus_batch.go)
//
// Confirmations go the way of all letters.
const (
	trunkVersion = 1
	// trunkPause is how long after a failure no trunk is tried; twice as long with
	// every further one, maxTrunkFails times.
	trunkPause    = time.Second
	maxTrunkFails = 5
	// trunkWrite is how long a node may take nothing before its trunk is cut.
	trunkWrite = time.Second
	// trunkWait is how long somebody waits for a confirmation over a trunk, and
	// after how long a receiver that has said nothing is asked to.
	trunkWait = 400 * time.Millisecond
	// trunkQuiet is after how long without any answer a trunk is cut: its packets
	// may be lost, and TCP takes minutes to say so.
	trunkQuiet = time.Second
	// trunkDial bounds dialing and the hello.
	trunkDial = 2 * time.Second
	// maxFrame is far beyond what batchBytes and one payload come to.
	maxFrame = 32 << 20
)

var errTrunk = errors.New("redis: a trunk does not speak as it should")

// trunk is the sender's end. Only who has the outlet's busy writes.
type trunk struct {
	conn     net.Conn
	out      []byte
	deadline time.Time // of writes, as set
}

// hello is what a sender begins with.
func hello(to presence.Peer) []byte {
	b := append(make([]byte, 0, 3+len(to.Name)+len(to.Epoch)), trunkVersion)
	b = append(append(b, byte(len(to.Name))), to.Name...)
	return append(append(b, byte(len(to.Epoch))), to.Epoch...)
}

// openTrunk dials and waits for the answer to the hello.
func openTrunk(ctx context.Context, dial func(context.Context, string) (net.Conn, error), addr string, to presence.Peer) (*trunk, error) {
	ctx, cancel := context.WithTimeout(ctx, trunkDial)
	defer cancel()
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	answer := [1]byte{}
	if _, err = conn.Write(hello(to)); err == nil {
		_, err = conn.Read(answer[:])
	}
	if err == nil && answer[0] != 1 {
		err = errTrunk
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("redis: hello: %w", err)
	}
	return &trunk{conn: conn}, nil
}

// write sends one batch. After an error part of it may have gone.
func (t *trunk) write(batch []byte, urgent bool) error {
	if now := time.Now(); t.deadline.Sub(now) < trunkWrite/2 {
		t.deadline = now.Add(trunkWrite)
		if err := t.conn.SetWriteDeadline(t.deadline); err != nil {
			return err
		}
	}
	n := uint64(len(batch)) << 1
	if urgent {
		n |= 1
	}
	t.out = append(binary.AppendUvarint(t.out[:0], n), batch...)
	_, err := t.conn.Write(t.out)
	if cap(t.out) > 2*batchBytes {
		t.out = nil
	}
	return err
}

// lay begins to lay trunks to all nodes that there is none to: before there is
// something to send, since what goes two ways for a moment may come in another
// order.
func (b *bus) lay(now time.Time) {
	self := b.self()
	for _, n := range b.nodes() {
		if n.Addr == "" || n.Name == self.Name {
			continue
		}
		o := b.outlet(n.Peer)
		o.mu.Lock()
		if o.trunk == nil && !o.laying && !o.gone && !now.Before(o.trunkAfter) {
			o.laying = b.trunks.do(func(ctx context.Context) { o.lay(ctx, n.Addr) })
		}
		o.mu.Unlock()
	}
}

// lay lays a trunk and stays until it breaks.
func (o *outlet) lay(ctx context.Context, addr string) {
	t, err := openTrunk(ctx, o.bus.cfg.Dial, addr, o.to)
	o.mu.Lock()
	o.laying = false
	if err != nil || o.gone {
		o.trunkAfter = time.Now().Add(trunkPause << o.trunkFails)
		o.trunkFails = min(o.trunkFails+1, maxTrunkFails)
		o.mu.Unlock()
		if err != nil {
			o.bus.cfg.Logger.Debug("no trunk to a node", "node", o.to.Name, "addr", addr, "error", err)
		} else {
			_ = t.conn.Close()
		}
		return
	}
	o.trunk, o.trunkFails, o.refuse = t, 0, nil
	o.goLocked()
	o.bus.stats.trunks.Add(1)
	defer o.bus.stats.trunks.Add(-1)
	defer context.AfterFunc(ctx, func() { _ = t.conn.Close() })()
	var one [1]byte
	_, _ = t.conn.Read(one[:]) // nothing comes: it ends with the trunk
	o.cut(t)
}

// cut gives a trunk up: what was not confirmed goes into the inbox.
func (o *outlet) cut(t *trunk) {
	o.mu.Lock()
	o.cutLocked(t)
	o.goLocked()
}

// leave answers those who still wait for a confirmation: this node is gone.
func (o *outlet) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var calls []func(error)
	for i := range o.kept {
		if l := &o.kept[i]; l.done != nil {
			calls = append(calls, l.done)
			l.done = nil
		}
	}
	o.bus.tell(calls, presence.ErrClosed)
}

func (o *outlet) cutLocked(t *trunk) {
	if t == nil || o.trunk != t {
		return
	}
	o.trunk, o.trunkAfter = nil, time.Now().Add(trunkPause)
	o.waiting, o.quiet, o.probed = time.Time{}, time.Time{}, false
	o.backLocked(o.first)
	_ = t.conn.Close()
	o.bus.cfg.Logger.Debug("the trunk to a node broke", "node", o.to.Name)
}

// probeLocked looks whether what goes over the trunk arrives.
func (o *outlet) probeLocked(now time.Time) {
	if o.trunk == nil || o.quiet.IsZero() {
		return
	}
	switch quiet := now.Sub(o.quiet); {
	case quiet > trunkQuiet, !o.waiting.IsZero() && now.Sub(o.waiting) > trunkWait:
		o.cutLocked(o.trunk)
	case quiet > trunkWait && !o.probed:
		o.probed = true
		l := letter{kind: kindWhere, lane: presence.BestEffort, payload: count(o.gen, o.keptEnd()-1)}
		o.queue = append(o.queue, l)
		o.bytes += l.cost()
	}
}

// drive sends over the trunk until there is nothing to send.
func (o *outlet) drive(t *trunk) {
	defer o.bus.flightEnds()
	o.mu.Lock()
	for {
		o.rush.wait(&o.mu)
		if o.gone {
			o.busy = false
			o.mu.Unlock()
			o.bus.remove(o.to, o)
			o.bury(false)
			return
		}
		if o.trunk != t || !o.fillLocked() {
			o.busy = false
			o.goLocked()
			return
		}
		o.mu.Unlock()
		err := t.write(o.buf, o.urgent)
		o.mu.Lock()
		o.rush.add(len(o.fresh), time.Now())
		o.bus.tell(o.wroteLocked(t, err), nil)
	}
}

// wroteLocked keeps what is not confirmed and returns whom to tell.
func (o *outlet) wroteLocked(t *trunk, err error) (calls []func(error)) {
	if err == nil {
		o.bus.stats.batches.Add(1)
		o.bus.stats.letters.Add(uint64(len(o.fresh)))
	}
	calls = o.keepLocked(nil, true)
	if err == nil && o.quiet.IsZero() {
		o.quiet = time.Now()
	}
	if err == nil && o.urgent && len(o.kept) > 0 {
		if o.waitSeq = o.keptEnd() - 1; o.waiting.IsZero() {
			o.waiting = time.Now()
		}
	}
	if err != nil {
		o.cutLocked(t)
	}
	if o.trunk != t { // cut meanwhile: the batch may not have arrived
		o.backLocked(o.againFrom)
	}
	o.landLocked()
	return calls
}

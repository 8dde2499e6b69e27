package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

const (
	// readBlock is how long a read waits for something to arrive.
	readBlock = time.Second
	// readCount is how many entries one read takes.
	readCount = 100
	// trimEvery and trimAfter say when what was read is trimmed; before an inbox
	// is half full in any case.
	trimEvery = time.Second
	trimAfter = 1000
	// readBuffer is from how many bytes on a buffer is not kept.
	readBuffer = 4 << 20
)

// inbox reads what other nodes have sent: one goroutine reads the stream, others
// the trunks. What they read they handle one at a time.
//
// It reads from the last id that it has seen, and from the beginning after
// anything went wrong: an emptied Redis begins with other ids, and what comes
// again is known by its numbers.
type inbox struct {
	bus  *bus
	rdb  goredis.UniversalClient
	conn *goredis.Conn // nil: to be taken
	buf  bytes.Buffer
	held chan struct{} // has something when the lease was renewed

	// Of the goroutine that reads the stream.
	of   presence.Peer // whose inbox it is: this node's present epoch
	key  string
	last string // id of the last entry that was handled
	// read entries that are not trimmed, and when that was done last.
	read    int
	trimmed time.Time

	anew time.Time // when it last began so, because nothing came

	later bool // some inlet has something to confirm
	swept time.Time

	mu      sync.Mutex // guards what follows, and is held while something is handled
	inlets  map[inletKey]*inlet
	recent  *inlet // of the batch before
	recentK inletKey
	handed  bool // something was given to the handler since Drained
}

func newInbox(b *bus, rdb goredis.UniversalClient) *inbox {
	return &inbox{bus: b, rdb: rdb, held: make(chan struct{}, 1), inlets: map[inletKey]*inlet{}, trimmed: time.Now(), swept: time.Now()}
}

func (r *inbox) run(ctx context.Context) {
	const least, most = 10 * time.Millisecond, 200 * time.Millisecond
	pause, failing := least, false
	defer func() {
		if r.conn != nil {
			_ = r.conn.Close()
		}
	}()
	for ctx.Err() == nil {
		err := r.round(ctx)
		if err == nil {
			pause, failing = least, false
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if !failing {
			r.bus.cfg.Logger.Warn("the inbox can not be read", "err", err)
		}
		failing = true
		r.reset(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, most)
	}
}

// round waits for what arrives and handles it.
func (r *inbox) round(ctx context.Context) error {
	r.follow()
	if !r.bus.hears(r.of) {
		r.rest(ctx)
		return nil
	}
	block := readBlock
	if r.later {
		block = confirmAfter
	}
	b, err := r.xread(ctx, block)
	if err != nil {
		return err
	}
	r.mu.Lock()
	err = r.entries(b)
	r.drainedLocked()
	now := time.Now()
	r.later = r.confirmLocked(now)
	r.mu.Unlock()
	if err != nil {
		return err
	}
	r.tidy(now)
	if r.bus.knocks.anew(r.anew, now) {
		r.anew = now
		return errUnheard
	}
	return nil
}

// rest waits while nothing may be handled: until the lease is renewed, or taken anew.
func (r *inbox) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-r.held:
	case <-time.After(readBlock):
	}
}

// renewed says that this node holds its lease.
func (r *inbox) renewed() {
	select {
	case r.held <- struct{}{}:
	default: // that was said already
	}
}

func (r *inbox) drainedLocked() {
	if r.handed {
		r.handed = false
		guard(r.bus.cfg.Logger, r.bus.handler.Drained)
	}
}

// confirmLocked confirms what it is time for, and reports whether more will be.
func (r *inbox) confirmLocked(now time.Time) (later bool) {
	for _, in := range r.inlets {
		if in.confirm(r.bus, now) {
			later = true
		}
	}
	return later
}

func (r *inbox) confirmDue(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.confirmLocked(now)
}

// confirmAll confirms all that was handled.
func (r *inbox) confirmAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.inlets {
		if !in.due.IsZero() {
			in.say(r.bus, kindConfirm, time.Now())
		}
	}
}

// follow changes to another inbox when this node has another epoch.
func (r *inbox) follow() {
	self := r.bus.self()
	key := r.bus.keys.inbox(self.Name, self.Epoch)
	if key == r.key {
		return
	}
	if r.key != "" {
		r.bus.pipe.post(nil, goredis.NewIntCmd(context.Background(), "unlink", r.key))
	}
	r.of, r.key, r.last, r.read = self, key, "0-0", 0
}

// xread returns the reply as Redis sent it, valid until the next call.
func (r *inbox) xread(ctx context.Context, block time.Duration) ([]byte, error) {
	if r.buf.Cap() > readBuffer {
		r.buf = bytes.Buffer{}
	}
	r.buf.Reset()
	cmd := goredis.NewRawWriteToCmd(ctx, &r.buf, "xread", "count", readCount, "block", block.Milliseconds(), "streams", r.key, r.last)
	if r.conn == nil {
		master, err := r.master(ctx)
		if err != nil {
			return nil, err
		}
		r.conn = master.EphemeralConn() // the pool would look at it all the time, and give it out when another is wanted
	}
	err := r.conn.Process(ctx, cmd)
	return r.buf.Bytes(), err
}

// master is the client of the Redis that has the inbox. In a Cluster it has to be
// found here: a raw reply is not looked at, so that go-redis would not follow a
// slot that has moved.
func (r *inbox) master(ctx context.Context) (*goredis.Client, error) {
	switch c := r.rdb.(type) {
	case *goredis.ClusterClient:
		return c.MasterForKey(ctx, r.key)
	case *goredis.Client:
		return c, nil
	}
	return nil, fmt.Errorf("redis: no inbox in a %T", r.rdb)
}

// reset makes the next read begin anew, on another connection.
func (r *inbox) reset(ctx context.Context) {
	r.last = "0-0"
	if r.conn == nil {
		return
	}
	_ = r.conn.Close()
	r.conn = nil
	if c, ok := r.rdb.(*goredis.ClusterClient); ok {
		c.ReloadState(ctx)
	}
}

// entries handles the entries of a reply. What may not be handled any more is read
// again, should this node still have that inbox when it may.
func (r *inbox) entries(b []byte) error {
	reply := resp{b}
	n, err := reply.streams()
	if err != nil {
		return err
	}
	if n > 0 {
		r.bus.knocks.heard()
	}
	now := time.Now()
	for range n {
		id, value, err := reply.entry()
		if err != nil {
			return err
		}
		if value != nil {
			if _, heard := r.entry(value, r.of, now); !heard {
				return nil
			}
		}
		r.last = string(id)
		r.read++
	}
	return nil
}

// entry handles one batch that was sent to that peer, and returns whose it is; nil
// if it can not be read. heard: all of it could be handled. This node may have stood
// still in front of any letter: it looks at each whether it still hears, and does not
// count on Renew to have noticed first (P1).
func (r *inbox) entry(b []byte, to presence.Peer, now time.Time) (in *inlet, heard bool) {
	h, letters, err := openBatch(b)
	if err != nil {
		r.skip(err)
		return nil, true
	}
	in = r.inlet(&h)
	fresh, ok := in.meet(&h, now)
	if !ok {
		return in, true
	}
	for len(letters) > 0 {
		if !r.bus.hears(to) {
			return in, false
		}
		var l letter
		if l, letters, err = nextLetter(letters); err != nil {
			r.skip(err)
			return in, true
		}
		if l.lane == presence.Must {
			if !in.take(&l, r.bus, now) {
				continue
			}
		} else if !fresh {
			continue
		}
		r.bus.stats.received.Add(1)
		r.deliver(in, &l, now)
	}
	return in, true
}

func (r *inbox) inlet(h *head) *inlet {
	if r.recent != nil && r.recentK.origin == h.origin && r.recentK.name == string(h.name) {
		return r.recent
	}
	key := inletKey{string(h.name), h.origin}
	in := r.inlets[key]
	if in == nil {
		in = &inlet{from: presence.Peer{Name: key.name, Epoch: string(h.epoch)}}
		r.inlets[key] = in
	}
	r.recent, r.recentK = in, key
	return in
}

func (r *inbox) deliver(in *inlet, l *letter, now time.Time) {
	b := r.bus
	defer func() {
		if p := recover(); p != nil { // of the handler: the next letter is another matter
			logPanic(b.cfg.Logger, p)
		}
	}()
	if l.kind < presence.KindStore {
		if b.handler != nil {
			r.handed = true
			b.handler.Receive(in.from, l.kind, l.payload)
		}
		return
	}
	switch l.kind {
	case kindConfirm, kindWant, kindWhere:
		gen, seq, ok := parseCount(l.payload)
		if !ok {
			return
		}
		if l.kind == kindWhere {
			in.where(b, gen, seq, now)
			return
		}
		if o := b.byGen(in.from.Name, gen); o == nil {
			return
		} else if l.kind == kindWant {
			o.want(gen, seq)
		} else {
			o.confirm(gen, seq)
		}
	default:
		if f := b.table[l.kind]; f != nil {
			f(in.from, l.payload)
		}
	}
}

// tidy trims what was read, and forgets those who are not heard any more.
func (r *inbox) tidy(now time.Time) {
	if r.read >= min(trimAfter, max(1, r.bus.cfg.InboxMax/2)) || r.read > 0 && now.Sub(r.trimmed) >= trimEvery {
		r.read, r.trimmed = 0, now
		ctx := context.Background()
		r.bus.pipe.post(nil,
			goredis.NewIntCmd(ctx, "xtrim", r.key, "minid", idAfter(r.last)),
			goredis.NewBoolCmd(ctx, "pexpire", r.key, inboxKeep.Milliseconds()))
	}
	if now.Sub(r.swept) < time.Minute {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.swept, r.recent = now, nil
	for k, in := range r.inlets {
		if now.Sub(in.heard) > inletKeep {
			delete(r.inlets, k)
		}
	}
}

// idAfter is the id behind one of an entry.
func idAfter(id string) string {
	for i := range len(id) {
		if id[i] != '-' {
			continue
		}
		if n, err := strconv.ParseUint(id[i+1:], 10, 64); err == nil {
			return id[:i+1] + strconv.FormatUint(n+1, 10)
		}
	}
	return id
}

func (r *inbox) skip(err error) {
	if r.bus.stats.skipped.Add(1) == 1 || !errors.Is(err, errBatchVersion) {
		r.bus.cfg.Logger.Warn("an entry of the inbox was skipped", "err", err)
	}
}

func logPanic(log *slog.Logger, p any) {
	log.Error("a handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

package signaling

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

const (
	// maxJobs is how many of a session's events may wait for the store of messages:
	// base front ends send a receipt for each of many at once.
	maxJobs = 256
	// maxJobBytes is how much they may hold together, beside one that is as large
	// as events may be.
	maxJobBytes = 1 << 20
	// storeTime is how long somebody waits for the store of messages.
	storeTime = 10 * time.Second
)

// stored handles an event that asks the store of messages. It runs on a goroutine
// of the session's, so that nobody else waits for a disk. then is done behind the
// acknowledgement (M1).
type stored func(sw *Switchboard, ctx context.Context, s *Session, args [][]byte) (reply []byte, then telling, err error)

// telling tells others of what was stored. It has a context of its own: what has
// been answered is told, however long it took.
type telling func(context.Context, *turn)

type job struct {
	do    stored
	event []byte
	args  [][]byte
	bytes int // of the arguments
	reply Replier
}

// jobs are done in the order in which they came, by a goroutine that is there
// while there are any.
type jobs struct {
	mu      sync.Mutex
	queue   []job
	bytes   int // of those in it
	running bool
}

// later puts an event into the session's queue.
func (s *Session) later(r *Request, do stored) error {
	j := keepEvent(r)
	j.do = do
	q := &s.jobs
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= maxJobs || len(q.queue) > 0 && q.bytes+j.bytes > maxJobBytes {
		return wire.Errorf(wire.CodeRateLimited, "")
	}
	if r.Reply != nil { // not before: one that is put off can not be answered here any more
		j.reply = r.Reply.Later()
	}
	q.queue = append(q.queue, j)
	q.bytes += j.bytes
	if !q.running {
		q.running = true
		s.sw.soon(s.work)
	}
	return nil
}

// keepEvent copies an event: its slices are the frame's.
func keepEvent(r *Request) job {
	j := job{event: append([]byte(nil), r.Event...), args: make([][]byte, len(r.Args))}
	for i, a := range r.Args {
		j.args[i] = append([]byte(nil), a...)
		j.bytes += len(a)
	}
	return j
}

func (s *Session) work() {
	q := &s.jobs
	for {
		q.mu.Lock()
		if len(q.queue) == 0 {
			q.queue, q.running = nil, false
			q.mu.Unlock()
			return
		}
		list := q.takeLocked()
		q.mu.Unlock()
		if len(list) == 1 {
			s.do(&list[0])
		} else {
			s.sendAll(list)
		}
	}
}

// maxSends is how many messages of one session are stored at once.
const maxSends = 16

// takeLocked gives what is to be done next: an event, or several messages that the
// client sent one after the other without waiting for answers.
func (q *jobs) takeLocked() []job {
	n := 1
	for n < min(len(q.queue), maxSends) && q.queue[n-1].sends() && q.queue[n].sends() {
		n++
	}
	list := slices.Clone(q.queue[:n])
	clear(q.queue[:n])
	q.queue = q.queue[n:]
	for i := range list {
		q.bytes -= list[i].bytes
	}
	return list
}

func (j *job) sends() bool { return string(j.event) == wire.MessageSend }

func (s *Session) do(j *job) {
	sw := s.sw
	t := sw.newTurn()
	defer t.end()
	var reply []byte
	var then telling
	err := guard(func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), storeTime)
		defer cancel()
		reply, then, err = j.do(sw, ctx, s, j.args)
		return err
	})
	s.answer(t, j, reply, then, err)
}

// sendAll stores messages at once; each is answered and told as if it were alone.
func (s *Session) sendAll(list []job) {
	sw := s.sw
	t := sw.newTurn()
	defer t.end()
	sent := make([]sending, len(list))
	err := guard(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), storeTime)
		defer cancel()
		sw.storeMessages(ctx, s, list, sent)
		return nil
	})
	for i := range list {
		x := &sent[i]
		s.answer(t, &list[i], x.reply, x.then, cmp.Or(err, x.err))
	}
}

// answer says what became of an event, and then tells others.
func (s *Session) answer(t *turn, j *job, reply []byte, then telling, err error) {
	sw := s.sw
	r := Request{Event: j.event, Reply: j.reply}
	if err != nil {
		sw.fail(t, s, &r, err)
		return
	}
	if j.reply != nil {
		j.reply.Ack(reply)
		t.touch(s.link)
	}
	if then == nil {
		return
	}
	if err := guard(func() error { then(context.Background(), t); return nil }); err != nil {
		sw.log.Error("what was stored was not told", "event", string(j.event), "user", s.user, "session", s.id, "error", err)
	}
}

// guard keeps a panic of one event from the process.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("signaling: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

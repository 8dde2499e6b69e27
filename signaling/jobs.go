package signaling

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// maxJobs is how many of a session's events may wait for the store of messages.
const maxJobs = 64

// stored handles an event that asks the store of messages. It runs on a goroutine
// of the session's, so that nobody else waits for a disk. then is done behind the
// acknowledgement (M1).
type stored func(sw *Switchboard, ctx context.Context, s *Session, args [][]byte) (reply []byte, then func(*turn), err error)

type job struct {
	do    stored
	event []byte
	args  [][]byte
	reply Replier
}

// jobs are done in the order in which they came, by a goroutine that is there
// while there are any.
type jobs struct {
	mu      sync.Mutex
	queue   []job
	running bool
}

// later puts an event into the session's queue.
func (s *Session) later(r *Request, do stored) error {
	j := job{do: do, event: append([]byte(nil), r.Event...), args: make([][]byte, len(r.Args))}
	for i, a := range r.Args { // they are the frame's
		j.args[i] = append([]byte(nil), a...)
	}
	q := &s.jobs
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= maxJobs {
		return wire.Errorf(wire.CodeRateLimited, "")
	}
	if r.Reply != nil { // not before: one that is put off can not be answered here any more
		j.reply = r.Reply.Later()
	}
	q.queue = append(q.queue, j)
	if !q.running {
		q.running = true
		s.sw.soon(s.work)
	}
	return nil
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
		j := q.queue[0]
		q.queue[0] = job{}
		q.queue = q.queue[1:]
		q.mu.Unlock()
		s.do(&j)
	}
}

func (s *Session) do(j *job) {
	sw := s.sw
	t := sw.newTurn()
	defer t.end()
	reply, then, err := s.try(j)
	r := Request{Event: j.event, Reply: j.reply}
	if err != nil {
		sw.fail(t, s, &r, err)
		return
	}
	if j.reply != nil {
		j.reply.Ack(reply)
		t.touch(s.link)
	}
	if then != nil {
		then(t)
	}
}

// try keeps a panic of one event from the process.
func (s *Session) try(j *job) (reply []byte, then func(*turn), err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("signaling: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return j.do(s.sw, context.Background(), s, j.args)
}

package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
)

const (
	// maxBatch is how many commands one pipeline takes.
	maxBatch = 512
	// maxQueue is how many orders may wait while a pipeline is in flight: one
	// that does not come back must not fill the memory with those that wait.
	maxQueue = 1 << 16
)

// pipe gathers the commands of all goroutines into pipelines: while one is in
// flight the next one fills, so that nobody waits for a timer and Redis is asked
// in few large writes when there is much to do. Commands are sent in the order
// in which they came.
type pipe struct {
	rdb     goredis.UniversalClient
	health  *health
	timeout time.Duration

	mu    sync.Mutex
	queue []*order
	busy  bool // somebody is sending
	rush  rush // of orders
	tasks sync.WaitGroup

	trips, commands, reloads atomic.Uint64
}

// order is what one caller wants done.
type order struct {
	cmds []goredis.Cmder
	// One of the two: ready is closed, or done called, when all have answers.
	ready chan struct{}
	done  func()
}

func newPipe(rdb goredis.UniversalClient, h *health, timeout time.Duration) *pipe {
	return &pipe{rdb: rdb, health: h, timeout: timeout}
}

// close waits for what is in flight.
func (p *pipe) close() { p.tasks.Wait() }

// do sends commands, which keep their own answers, and waits for them. The error
// is ErrUnavailable if Redis could not be asked; errors of single commands are
// in the commands.
func (p *pipe) do(cmds ...goredis.Cmder) error {
	if p.health.isDown() {
		return presence.ErrUnavailable
	}
	o := &order{cmds: cmds}
	p.mu.Lock()
	if len(p.queue) >= maxQueue {
		p.mu.Unlock()
		return fmt.Errorf("%w: too many commands wait", presence.ErrUnavailable)
	}
	p.queue = append(p.queue, o)
	if !p.busy {
		p.busy = true
		p.rush.wait(&p.mu)
		batch := p.takeLocked()
		p.mu.Unlock()
		p.send(batch)
		p.next()
	} else {
		o.ready = make(chan struct{})
		p.mu.Unlock()
		<-o.ready
	}
	return p.away(cmds)
}

// post sends commands and calls done, if not nil, when they have answers, on
// some goroutine. It never blocks, so that it may be called with a lock that
// decides the order of commands, and keeps its place in the order. done may be
// called before it returns.
func (p *pipe) post(done func(), cmds ...goredis.Cmder) {
	p.mu.Lock()
	if p.health.isDown() || len(p.queue) >= maxQueue {
		p.mu.Unlock()
		for _, c := range cmds {
			c.SetErr(presence.ErrUnavailable)
		}
		if done != nil {
			done()
		}
		return
	}
	p.queue = append(p.queue, &order{cmds: cmds, done: done})
	start := !p.busy
	p.busy = true
	p.mu.Unlock()
	if start {
		p.tasks.Go(p.run)
	}
}

// away reports an outage that one of the commands has met.
func (p *pipe) away(cmds []goredis.Cmder) error {
	for _, c := range cmds {
		switch err := c.Err(); {
		case errors.Is(err, presence.ErrUnavailable):
			return err
		case isAway(err):
			return fmt.Errorf("%w: %w", presence.ErrUnavailable, err)
		}
	}
	return nil
}

// next hands the rest of the queue, if there is any, to a goroutine of its own:
// the caller has its answer and goes on.
func (p *pipe) next() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.busy = false
		return
	}
	p.tasks.Go(p.run)
}

func (p *pipe) run() {
	for {
		p.mu.Lock()
		batch := p.takeLocked()
		if len(batch) == 0 {
			p.busy = false
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.send(batch)
	}
}

// takeLocked takes the oldest orders, up to maxBatch commands.
func (p *pipe) takeLocked() []*order {
	n, cmds := 0, 0
	for n < len(p.queue) && (n == 0 || cmds+len(p.queue[n].cmds) <= maxBatch) {
		cmds += len(p.queue[n].cmds)
		n++
	}
	if n > 0 {
		p.rush.add(n, time.Now())
	}
	batch := p.queue[:n:n]
	if n == len(p.queue) {
		p.queue = nil
	} else {
		p.queue = p.queue[n:]
	}
	return batch
}

// send runs one pipeline and tells those who wait.
func (p *pipe) send(batch []*order) {
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout+p.timeout/2)
	defer cancel()
	if p.health.isDown() {
		for _, o := range batch {
			for _, c := range o.cmds {
				c.SetErr(presence.ErrUnavailable)
			}
		}
	} else {
		p.trips.Add(1)
		sent := toSend(batch)
		p.commands.Add(uint64(len(sent)))
		p.exec(ctx, sent)
		for _, c := range sent {
			p.settle(ctx, c.Cmder)
		}
	}
	for _, o := range batch {
		switch {
		case o.ready != nil:
			close(o.ready)
		case o.done != nil:
			o.done()
		}
	}
}

// settle looks at one command's answer.
func (p *pipe) settle(ctx context.Context, c goredis.Cmder) {
	err := c.Err()
	if err == nil {
		return
	}
	if isNoScript(err) {
		p.again(ctx, c)
		err = c.Err()
	}
	if isNowhere(err) {
		p.health.missed(c)
	}
	p.health.note(err)
}

// again sends a script with its source to a Redis that did not know it.
func (p *pipe) again(ctx context.Context, c goredis.Cmder) {
	args := c.Args()
	cmd, ok := c.(*goredis.Cmd)
	if !ok || len(args) < 3 {
		return
	}
	sha, _ := args[1].(string)
	s := bySHA(sha)
	if s == nil {
		return
	}
	p.reloads.Add(1)
	full := append([]any{"eval", s.source}, args[2:]...)
	whole := goredis.NewCmd(ctx, full...)
	_ = p.rdb.Process(ctx, &once{Cmder: whole}) // the command has the error
	v, err := whole.Result()
	cmd.SetVal(v)
	cmd.SetErr(err)
}

package redis

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

// once is a command on its way through go-redis. It is carried out once at most,
// and no error says that it was not if it may have been.
//
// The client of a Cluster sends again what a broken connection has left without an
// answer, whatever MaxRetries says: who has sent it would be told what the second
// attempt met, which for most writes is not what became of the first. And where it
// rightly sends a command again, since a master was not reached or has sent it on,
// a connection that breaks then leaves the former error with commands that may have
// been carried out by now.
type once struct {
	goredis.Cmder
	open bool // it may have been written since it had its last answer
}

// errUnanswered is a timeout for all that is known: what was sent may be on its way.
var errUnanswered = fmt.Errorf("redis: no answer to the last attempt: %w", context.DeadlineExceeded)

// NoRetry keeps the client from sending what may have been carried out again, and
// all that is sent with it.
func (*once) NoRetry() bool { return true }

// Args are asked for whenever the command is written.
func (c *once) Args() []any {
	c.open = true
	return c.Cmder.Args()
}

// SetErr is called with each answer, and without one if there is no error yet.
func (c *once) SetErr(err error) {
	c.open = false
	c.Cmder.SetErr(err)
}

// land takes away an error that is of another attempt than the last.
func (c *once) land() {
	if c.open && c.Err() != nil {
		c.SetErr(errUnanswered)
	}
}

// toSend are the commands of a batch.
func toSend(batch []*order) []*once {
	n := 0
	for _, o := range batch {
		n += len(o.cmds)
	}
	list, all := make([]*once, 0, n), make([]once, n)
	for _, o := range batch {
		for _, c := range o.cmds {
			one := &all[len(list)]
			one.Cmder = c
			list = append(list, one)
		}
	}
	return list
}

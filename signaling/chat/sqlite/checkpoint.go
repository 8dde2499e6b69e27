package sqlite

import (
	"context"
	"database/sql"
	"sync/atomic"
)

// Checkpoints move what is in the write-ahead log into the file proper. Left to
// the connection that writes, each would hold up everybody who waits for an ack
// for some ten milliseconds, so another connection makes them meanwhile. As
// long as messages keep coming it never reaches the end of the log, which could
// then not begin anew: once little is left, the writer does that itself.
const (
	checkpointEvery = 2000  // changes
	restartAfter    = 16000 // pages of 4 KiB in the log
)

type checkpointer struct {
	db     *sql.DB
	wake   chan struct{} // closed by close
	done   chan struct{}
	finish atomic.Bool // the writer is to take the rest
}

func newCheckpointer(db *sql.DB) *checkpointer {
	c := &checkpointer{db: db, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go c.loop()
	return c
}

func (c *checkpointer) loop() {
	defer close(c.done)
	for range c.wake {
		var busy, log, moved int
		// It is only tried: what fails now is made up for by the next one.
		err := c.db.QueryRowContext(context.Background(), checkpoint).Scan(&busy, &log, &moved)
		if err == nil && log > restartAfter && log < 2*moved {
			c.finish.Store(true)
		}
	}
}

const checkpoint = `PRAGMA wal_checkpoint(PASSIVE)`

// due says that enough was written for a checkpoint to be worth it.
func (c *checkpointer) due() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpointer) close() {
	close(c.wake)
	<-c.done
}

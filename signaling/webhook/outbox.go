package webhook

import (
	"context"
	"errors"
	"time"
)

// ErrClosed: the outbox was closed.
var ErrClosed = errors.New("webhook: the outbox is closed")

// Memory is for how long an Outbox knows the id of an event that it has had.
const Memory = time.Hour

// Entry is an event that waits to be delivered.
type Entry struct {
	ID      string
	Lane    string // events of one lane are delivered in their order
	Type    string
	Body    []byte
	Created time.Time
}

// Delivery is an entry that was claimed for one endpoint.
type Delivery struct {
	Entry
	Seq     int64 // its number at that endpoint
	Attempt int   // 1 for the first
}

// Result says what became of a claimed entry.
type Result struct {
	Seq int64
	// Again is after what time it is due again; negative: it is through, delivered
	// or given up.
	Again time.Duration
}

// Stored says what Put has done.
type Stored struct {
	Added   int
	Dropped int  // of the oldest, because there were too many
	Off     bool // the endpoint is off: nothing was added
}

// Outbox keeps entries for endpoints, each of which has a queue of its own.
type Outbox interface {
	// Put adds entries in their order, but for those whose ID it had within Memory.
	// They are durable when it returns.
	Put(ctx context.Context, endpoint string, list []Entry) (Stored, error)
	// Claim takes up to n entries that are due and of which nothing older of the
	// same lane is there. Nobody else gets them until the lease is over.
	Claim(ctx context.Context, endpoint string, n int, lease time.Duration) ([]Delivery, error)
	// Settle says what became of claimed entries. With a rest nothing is claimed at
	// this endpoint for so long.
	Settle(ctx context.Context, endpoint string, list []Result, rest time.Duration) error
	// Sweep drops entries that are older than that, and says how many, and how many
	// wait.
	Sweep(ctx context.Context, endpoint string, age time.Duration) (dropped, waiting int, err error)
	// Switch turns an endpoint off, which drops its queue, or on again.
	Switch(ctx context.Context, endpoint string, on bool) error
	Close() error
}

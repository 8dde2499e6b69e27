package signaling

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// The log of ended calls (C14). A call that other nodes know of is settled only
// when its record is kept: until then it comes back, and whoever finds it keeps
// the record, which is there once whatever happens. A node that is alone tries
// again until it can.

// maxUnlogged bounds the records that wait for their store's return.
const maxUnlogged = 10_000

type logQueue struct {
	mu    sync.Mutex
	queue []call.Record
}

// Calls lists a user's calls, those that ended last first, and counts those that
// the user missed and has not looked at.
func (sw *Switchboard) Calls(ctx context.Context, user, cursor string, limit int) (list []chat.LoggedCall, next string, missed int, err error) {
	if sw.chat == nil {
		return nil, "", 0, errNoChat
	}
	if list, next, err = sw.chat.Calls(ctx, user, cursor, limit); err != nil {
		return nil, "", 0, sw.chatProblem(err)
	}
	if missed, err = sw.chat.MissedCalls(ctx, user); err != nil {
		return nil, "", 0, sw.chatProblem(err)
	}
	return list, next, missed, nil
}

// SeeCalls says that the user has looked at the calls that ended until then.
func (sw *Switchboard) SeeCalls(ctx context.Context, user string, until time.Time) error {
	if sw.chat == nil {
		return errNoChat
	}
	return sw.chatProblem(sw.chat.SeeCalls(ctx, user, until))
}

// isLogged reports whether an ended call has a record to keep.
func isLogged(c *call.Call) bool {
	return slices.ContainsFunc(c.Outbox, func(e call.Effect) bool { return e.Kind == call.EffectLog })
}

// logShared keeps the record of a call that everybody has been told of, and
// settles it.
func (sw *Switchboard) logShared(c *call.Call) {
	ctx := context.Background()
	if err := sw.chat.LogCall(ctx, c.Record()); err != nil {
		sw.log.Debug("the record of a call waits", "call", c.ID, "error", err)
		return // it comes back
	}
	sw.store.Settled(ctx, c.ID)
}

// logAlone keeps the record of a call that no other node knows of.
func (sw *Switchboard) logAlone(r call.Record) {
	sw.soon(func() {
		if err := sw.chat.LogCall(context.Background(), r); err != nil {
			sw.log.Warn("the record of a call could not be kept yet", "call", r.ID, "error", err)
			sw.logLater(r)
		}
	})
}

func (sw *Switchboard) logLater(r call.Record) {
	u := &sw.unlogged
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.queue) >= maxUnlogged {
		sw.log.Error("too many records of calls wait: one is lost", "call", r.ID)
		return
	}
	u.queue = append(u.queue, r)
}

// logAgain tries what could not be kept before.
func (sw *Switchboard) logAgain() {
	u := &sw.unlogged
	u.mu.Lock()
	list := u.queue
	u.queue = nil
	u.mu.Unlock()
	if len(list) == 0 {
		return
	}
	sw.soon(func() {
		for i, r := range list {
			if err := sw.chat.LogCall(context.Background(), r); err != nil {
				for _, r := range list[i:] {
					sw.logLater(r)
				}
				return
			}
		}
	})
}

package signaling

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// The log of ended calls (C14). A call that other nodes know of is settled only
// when its record is kept: until then it comes back, and whoever finds it keeps
// the record, which is there once whatever happens. What could not be kept is also
// tried again here, as long as this node lives.

const (
	// maxUnlogged bounds the records that wait for their store's return.
	maxUnlogged = 10_000
	// lastLog is how long a node that closes waits for the store.
	lastLog = 5 * time.Second
)

// logQueue are records of calls that wait for their store, by call.
type logQueue struct {
	mu      sync.Mutex
	records map[string]call.Record
	busy    bool // they are being tried
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
	return ShownCalls(user, list), next, missed, nil
}

// ShownCalls makes of calls as the store keeps them what their user may know: who
// could not be called missed nothing, and need not hear of it; who was blocked is
// not told so. The list is changed.
func ShownCalls(user string, list []chat.LoggedCall) []chat.LoggedCall {
	list = slices.DeleteFunc(list, func(c chat.LoggedCall) bool {
		_, not := heard(c.Reason)
		return c.Callee == user && (not || c.Reason == call.Forbidden)
	})
	for i := range list {
		list[i].Reason, _ = heard(list[i].Reason)
	}
	return list
}

// unheard stands before the reason of a call in the log of which its callee does
// not hear. To its caller it is like any other.
const unheard = "unheard:"

// heard is the reason of a logged call to its caller, and whether its callee does
// not hear of it.
func heard(r call.Reason) (reason call.Reason, not bool) {
	text, not := strings.CutPrefix(string(r), unheard)
	return call.Reason(text), not
}

// logged is a record as the store keeps it: of people that there are, so that it
// goes with them (M8).
func logged(r call.Record) call.Record {
	if isScreened(r.Callee) {
		r.Callee, r.Reason = called(r.Callee), unheard+r.Reason
	}
	return r
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
func (sw *Switchboard) logShared(r call.Record) {
	if !sw.unlogged.has(r.ID) {
		sw.logOne(r)
	}
}

// logAlone keeps the record of a call that no other node knows of.
func (sw *Switchboard) logAlone(r call.Record) { sw.soon(func() { sw.logOne(r) }) }

func (sw *Switchboard) logOne(r call.Record) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := sw.keepRecord(ctx, r); err != nil {
		sw.log.Warn("the record of a call could not be kept yet", "call", r.ID, "error", err)
		if !sw.unlogged.put(r) {
			sw.log.Error("too many records of calls wait: one is lost", "call", r.ID)
		}
	}
}

// keepRecord keeps a record and settles its call.
func (sw *Switchboard) keepRecord(ctx context.Context, r call.Record) error {
	if err := sw.chat.LogCall(ctx, logged(r)); err != nil {
		return err
	}
	if sw.shared {
		sw.store.Settled(ctx, r.ID)
	}
	return nil
}

// logAgain tries what could not be kept before, until something fails again.
func (sw *Switchboard) logAgain() {
	if !sw.unlogged.begin() {
		return
	}
	sw.soon(func() {
		defer sw.unlogged.end()
		ctx, cancel := context.WithTimeout(context.Background(), storeTime)
		defer cancel()
		_ = sw.logWaiting(ctx) // tried again
	})
}

func (sw *Switchboard) logWaiting(ctx context.Context) error {
	for _, r := range sw.unlogged.list() {
		if err := sw.keepRecord(ctx, r); err != nil {
			return err
		}
		sw.unlogged.drop(r.ID)
	}
	return nil
}

// logLast keeps what is left when this node closes. Calls that only it knows of
// are over with it.
func (sw *Switchboard) logLast(users []string) {
	if !sw.shared {
		for _, r := range sw.cutOff(users) {
			sw.unlogged.put(r)
		}
	}
	if sw.chat == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastLog)
	defer cancel()
	if err := sw.logWaiting(ctx); err != nil && !sw.shared {
		sw.log.Error("records of calls are lost", "n", len(sw.unlogged.list()), "error", err)
	}
}

// cutOff makes the records of the live calls of these users, as they end now.
func (sw *Switchboard) cutOff(users []string) (list []call.Record) {
	seen := map[string]bool{}
	for _, u := range users {
		calls, err := sw.liveCalls(context.Background(), u)
		if err != nil {
			sw.log.Warn("live calls are not to be had", "user", u, "error", err)
		}
		for _, c := range calls {
			if seen[c.ID] {
				continue
			}
			seen[c.ID] = true
			if next, fx, err := call.Step(*c, call.Abort{Reason: call.Lost}, sw.now()); err == nil {
				sw.publish(&next, fx, nil)
				list = append(list, next.Record())
			}
		}
	}
	return list
}

func (u *logQueue) has(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.records[id]
	return ok
}

// put reports whether there was room.
func (u *logQueue) put(r call.Record) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.records) >= maxUnlogged {
		return false
	}
	if u.records == nil {
		u.records = map[string]call.Record{}
	}
	u.records[r.ID] = r
	return true
}

func (u *logQueue) drop(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.records, id)
}

func (u *logQueue) list() []call.Record {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Collect(maps.Values(u.records))
}

// begin reports whether there is something to try that nobody tries.
func (u *logQueue) begin() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy || len(u.records) == 0 {
		return false
	}
	u.busy = true
	return true
}

func (u *logQueue) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy = false
}

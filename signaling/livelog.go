package signaling

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// A node that is alone takes its live calls with it when it is killed: nobody else
// ends them. So that they are in the log all the same (C14) its store is told now
// and then which there are. Short ones cost nothing that way.

// liveEvery is how often that is; a call that has not lived as long may be missing
// after a crash, and one that has ends that much too early.
const liveEvery = 5 * time.Second

// liveLog is what the store has been told; zero: there is nobody to tell.
type liveLog struct {
	store chat.LiveCalls
	calls interface{ Live() []*call.Call }

	busy atomic.Bool
	due  time.Time             // owned by the goroutine of the timers
	kept map[string]call.Stamp // when they were answered; owned by who is busy
}

// startLiveLog makes records of what a predecessor left behind.
func (sw *Switchboard) startLiveLog(store chat.LiveCalls) {
	calls, ok := sw.store.(interface{ Live() []*call.Call })
	if store == nil || sw.shared || !ok {
		return
	}
	sw.liveLog.store, sw.liveLog.calls, sw.liveLog.kept = store, calls, map[string]call.Stamp{}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	list, err := store.Interrupted(ctx)
	switch n := len(list); {
	case err != nil:
		sw.log.Warn("the calls that were live when this node died can not be logged", "error", err)
	case n > 0:
		sw.log.Info("calls were live when this node died: they are logged as lost", "n", n)
	}
	for i := range list {
		sw.tellNews(interruptedNews(&list[i]), nil)
	}
}

// keepLive tells the store which calls are live, if it is time for that.
func (sw *Switchboard) keepLive() {
	l := &sw.liveLog
	now := time.Now()
	if l.store == nil || now.Before(l.due) || !l.busy.CompareAndSwap(false, true) {
		return
	}
	l.due = now.Add(liveEvery)
	sw.soon(func() {
		defer l.busy.Store(false)
		l.tell(sw)
	})
}

func (l *liveLog) tell(sw *Switchboard) {
	live := l.calls.Live()
	if len(live) == 0 && len(l.kept) == 0 {
		return
	}
	now := make(map[string]call.Stamp, len(live))
	var put []call.Record
	for _, c := range live {
		now[c.ID] = c.AnswerAt
		if at, ok := l.kept[c.ID]; !ok || at != c.AnswerAt {
			r := c.Record()
			r.Reason = call.Lost
			put = append(put, logged(r))
		}
	}
	var drop []string
	for id := range l.kept {
		if _, ok := now[id]; !ok {
			drop = append(drop, id)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	if err := l.store.KeepLive(ctx, sw.now(), put, drop); err != nil {
		sw.log.Debug("live calls could not be noted", "error", err) // all of it next time
		return
	}
	l.kept = now
}

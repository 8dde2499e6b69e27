package signaling

import (
	"fmt"
	"runtime/debug"

	"github.com/tandem-rtc/tandem/presence"
)

// Answer registers who answers a kind of question, before anything is served. f
// runs on a goroutine that Close waits for; several of them at the same time.
func (sw *Switchboard) Answer(what Question, f func(from presence.Peer, body []byte) (answer []byte, err error)) {
	a := &sw.asking
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answerers == nil {
		a.answerers = make(map[Question]answerer)
	}
	a.answerers[what] = f
}

type answerer = func(from presence.Peer, body []byte) ([]byte, error)

// asked gets another node's question; it does not wait for the answer.
func (sw *Switchboard) asked(from presence.Peer, payload []byte) {
	what, id, until, body, ok := parseAsk(payload)
	if !ok {
		sw.log.Error("a node asked what can not be read", "node", from.Name)
		return
	}
	q := question{from: from, what: what, id: id, until: until}
	if sw.tooLate(&q) {
		return
	}
	q.body = append([]byte(nil), body...)
	a := &sw.asking
	a.mu.Lock()
	if a.closed || len(a.queue) >= maxAsking {
		a.mu.Unlock()
		sw.reply(&q, nil, errBusy)
		return
	}
	a.queue = append(a.queue, q)
	start := a.running < maxAnswering
	if start {
		a.running++
	}
	a.mu.Unlock()
	if start {
		sw.soon(sw.answer)
	}
}

// tooLate reports whether nobody waits for the answer any more: answers have
// effects.
func (sw *Switchboard) tooLate(q *question) bool {
	late := sw.store.Now().UnixMilli() >= q.until
	if late {
		sw.log.Debug("a question came too late", "node", q.from.Name)
	}
	return late
}

var errBusy = fmt.Errorf("signaling: too many questions: %w", presence.ErrUnavailable)

// answer answers questions while there are any.
func (sw *Switchboard) answer() {
	a := &sw.asking
	for {
		a.mu.Lock()
		if len(a.queue) == 0 {
			a.queue = nil
			a.running--
			a.mu.Unlock()
			return
		}
		q := a.queue[0]
		a.queue[0] = question{}
		a.queue = a.queue[1:]
		f := a.answerers[q.what]
		a.mu.Unlock()
		if sw.tooLate(&q) { // it has waited here
			continue
		}
		body, err := sw.callAnswerer(f, &q)
		sw.reply(&q, body, err)
	}
}

func (sw *Switchboard) callAnswerer(f answerer, q *question) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			sw.log.Error("panic over a question of another node", "question", q.what, "panic", p, "stack", string(debug.Stack()))
			body, err = nil, ErrRefused
		}
	}()
	if f == nil {
		return nil, fmt.Errorf("%w: unknown question", ErrRefused)
	}
	return f(q.from, q.body)
}

// reply sends an answer. If it can not be sent the other node waits in vain.
func (sw *Switchboard) reply(q *question, body []byte, failed error) {
	if failed != nil {
		body = []byte(failed.Error())
	}
	payload := appendReply(make([]byte, 0, len(body)+12), q.id, failed != nil, body)
	if err := sw.store.Send(q.from, kindReply, presence.Must, payload, nil); err != nil {
		sw.log.Warn("a question of another node could not be answered", "node", q.from.Name, "error", err)
	}
}

// closeAsking ends all waiting for answers, and refuses what comes from now on.
func (sw *Switchboard) closeAsking() {
	a := &sw.asking
	a.mu.Lock()
	a.closed = true
	a.queue = nil
	left := a.waiting
	a.waiting = nil
	a.mu.Unlock()
	for _, w := range left {
		w <- outcome{err: ErrNoAnswer}
	}
}

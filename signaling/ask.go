package signaling

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// Kinds of payloads that carry questions between nodes.
const (
	kindAsk   presence.Kind = 4
	kindReply presence.Kind = 5
)

// Question says what one node asks another.
type Question uint8

// The questions. Numbers are on the wire: they keep their meaning, so that nodes
// of two releases understand each other.
const (
	// TakeSocketIO and TakeJSON: give me the session of a client that has come
	// to me (C13).
	TakeSocketIO Question = 1
	TakeJSON     Question = 2
)

// Errors of Ask.
var (
	// ErrNoAnswer: the node that was asked is gone, or did not answer in time.
	ErrNoAnswer = fmt.Errorf("signaling: no answer from another node: %w", presence.ErrUnavailable)
	// ErrRefused: it answered that it can not, or does not know the question.
	ErrRefused = errors.New("signaling: another node refused a question")
)

const (
	// askTime is how long an answer may take. What is asked is in the other
	// node's memory: one that has not answered by then stands still.
	askTime = 2 * time.Second
	// maxAsking bounds the questions of this node that wait for an answer, and
	// those of other nodes that wait here: a node that goes away sends all its
	// clients at once.
	maxAsking = 4096
	// maxAnswering is how many questions are answered at the same time.
	maxAnswering = 16

	askVersion = 1
)

// asking is both sides of the questions between nodes.
type asking struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan outcome
	// Questions of others, oldest first; running goroutines work on them.
	queue   []question
	running int
	closed  bool

	answerers map[Question]answerer
}

type outcome struct {
	body []byte
	err  error
}

type question struct {
	from presence.Peer
	what Question
	id   uint64
	body []byte
	// until is when who asked waits no more, in Unix milliseconds of the cluster.
	until int64
}

// Ask puts a question to the node with that tag and waits for its answer, at
// most askTime.
func (sw *Switchboard) Ask(ctx context.Context, tag string, what Question, body []byte) ([]byte, error) {
	peer, ok := sw.peerOf(tag)
	if !ok {
		return nil, ErrNoAnswer
	}
	return sw.askPeer(ctx, peer, what, body)
}

// askPeer is Ask for a node that was found in another way.
func (sw *Switchboard) askPeer(ctx context.Context, peer presence.Peer, what Question, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	a := &sw.asking
	w := make(chan outcome, 1) // room for the one that comes
	a.mu.Lock()
	if a.closed || len(a.waiting) >= maxAsking {
		a.mu.Unlock()
		return nil, ErrNoAnswer
	}
	a.last++
	id := a.last
	if a.waiting == nil {
		a.waiting = make(map[uint64]chan outcome)
	}
	a.waiting[id] = w
	a.mu.Unlock()

	deadline, _ := ctx.Deadline() // there is one, which may be earlier than ours
	until := sw.store.Now().Add(time.Until(deadline)).UnixMilli()
	payload := appendAsk(make([]byte, 0, len(body)+24), what, id, until, body)
	if err := sw.store.Send(peer, kindAsk, presence.Must, payload, func(err error) {
		if err != nil {
			a.fail(id)
		}
	}); err != nil {
		a.fail(id)
	}
	select {
	case r := <-w:
		return r.body, r.err
	case <-ctx.Done():
	}
	if a.take(id) != nil {
		return nil, ErrNoAnswer
	}
	r := <-w // it is being handed over in this moment
	return r.body, r.err
}

// peerOf finds another node by its tag.
func (sw *Switchboard) peerOf(tag string) (presence.Peer, bool) {
	if tag == "" || !sw.shared {
		return presence.Peer{}, false
	}
	self := *sw.self.Load()
	for _, n := range sw.store.Nodes() {
		if n.Tag == tag && n.Peer != self {
			return n.Peer, true
		}
	}
	return presence.Peer{}, false
}

// take claims a question that waits; nil: it does not any more.
func (a *asking) take(id uint64) chan outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.waiting[id]
	delete(a.waiting, id)
	return w
}

// fail ends the waiting for a question that was not delivered.
func (a *asking) fail(id uint64) {
	if w := a.take(id); w != nil {
		w <- outcome{err: ErrNoAnswer}
	}
}

// replied gets the answer to a question of this node.
func (sw *Switchboard) replied(payload []byte) {
	id, refused, body, ok := parseReply(payload)
	if !ok {
		sw.log.Error("a node answered what can not be read")
		return
	}
	w := sw.asking.take(id)
	if w == nil {
		sw.log.Debug("an answer came too late", "question", id)
		return
	}
	r := outcome{body: append([]byte(nil), body...)}
	if refused {
		r = outcome{err: fmt.Errorf("%w: %.200s", ErrRefused, body)}
	}
	w <- r
}

// unasked gets a question back whose node died before it had it.
func (sw *Switchboard) unasked(payload []byte) {
	if _, id, _, _, ok := parseAsk(payload); ok {
		sw.asking.fail(id)
	}
}

func appendAsk(b []byte, what Question, id uint64, until int64, body []byte) []byte {
	b = append(b, askVersion, byte(what))
	b = binary.AppendUvarint(b, id)
	b = binary.AppendVarint(b, until)
	return append(b, body...)
}

func parseAsk(b []byte) (what Question, id uint64, until int64, body []byte, ok bool) {
	if len(b) < 2 || b[0] != askVersion {
		return 0, 0, 0, nil, false
	}
	what, b = Question(b[1]), b[2:]
	id, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, 0, nil, false
	}
	b = b[n:]
	until, n = binary.Varint(b)
	if n <= 0 {
		return 0, 0, 0, nil, false
	}
	return what, id, until, b[n:], true
}

func appendReply(b []byte, id uint64, refused bool, body []byte) []byte {
	b = append(b, askVersion)
	b = binary.AppendUvarint(b, id)
	if refused {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return append(b, body...)
}

func parseReply(b []byte) (id uint64, refused bool, body []byte, ok bool) {
	if len(b) < 1 || b[0] != askVersion {
		return 0, false, nil, false
	}
	id, n := binary.Uvarint(b[1:])
	if n <= 0 || len(b) < 2+n || b[1+n] > 1 {
		return 0, false, nil, false
	}
	return id, b[1+n] == 1, b[2+n:], true
}

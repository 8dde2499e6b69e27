package sqlite

import (
	"database/sql"
	"errors"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// names are the two of a pair, in order.
type names struct{ a, b string }

func namesOf(one, other string) names { return names{min(one, other), max(one, other)} }

// pair is how two people stand with each other.
type pair struct {
	conv int64
	way  [2]way // from a to b, and back
}

// way is what one of the two wrote to the other.
type way struct {
	unseen int64 // messages that the reader has not seen
	unread int64 // those of them that are not hidden from the reader
	seen   int64 // the place up to which all are seen
}

// dir is the way that a message goes.
func dir(sender, receiver string) int {
	if sender > receiver {
		return 1
	}
	return 0
}

// status is how far a stored message has come.
func (p *pair) status(r *row) chat.Status {
	if r.n <= p.way[r.dir].seen {
		return chat.Seen
	}
	return chat.Status(r.status - statusBase)
}

// count takes a message that is not seen into account, or with -1 out of it.
func (w *way) count(hidden, by int64) {
	w.unseen += by
	if hidden&hiddenReceiver == 0 {
		w.unread += by
	}
}

const readPair = `SELECT conv, unseen0, unread0, seen0, unseen1, unread1, seen1 FROM pairs WHERE a = ? AND b = ?`

// pair finds a pair; nil if the two have never talked.
func (b *batch) pair(who names) (*pair, error) {
	k := &b.w.known
	if p := k.pairs[who]; p != nil {
		return p, nil
	}
	p := new(pair)
	there, back := &p.way[0], &p.way[1]
	err := b.row(readPair, []any{who.a, who.b}, &p.conv, &there.unseen, &there.unread, &there.seen, &back.unseen, &back.unread, &back.seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k.pairs[who] = p
	return p, nil
}

// meet makes a pair of two who have never talked.
func (b *batch) meet(who names) (*pair, error) {
	p := new(pair)
	if err := b.row(`INSERT INTO pairs (a, b) VALUES (?, ?) RETURNING conv`, []any{who.a, who.b}, &p.conv); err != nil {
		return nil, err
	}
	b.w.known.pairs[who] = p
	return p, nil
}

// touch is called with a change of a pair: it is written at the end of the batch,
// once, whatever the number of messages.
func (b *batch) touch(who names, p *pair) { b.w.known.dirty[who] = p }

// part removes a pair that has no message left.
func (b *batch) part(who names, conv int64) error {
	n, err := b.exec(`DELETE FROM pairs WHERE conv = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE conv = ?1)`, conv)
	if n > 0 {
		delete(b.w.known.pairs, who)
		delete(b.w.known.dirty, who)
	}
	return err
}

const writePair = `UPDATE pairs SET unseen0 = ?, unread0 = ?, seen0 = ?, unseen1 = ?, unread1 = ?, seen1 = ? WHERE conv = ?`

// flush writes what has changed of pairs.
func (b *batch) flush() error {
	k := &b.w.known
	for who, p := range k.dirty {
		there, back := &p.way[0], &p.way[1]
		if _, err := b.exec(writePair, there.unseen, there.unread, there.seen, back.unseen, back.unread, back.seen, p.conv); err != nil {
			return err
		}
		delete(k.dirty, who)
	}
	return nil
}

// pairOf is the pair of a message that is there.
func (b *batch) pairOf(r *row) (names, *pair, error) {
	who := namesOf(r.sender, r.receiver)
	p, err := b.pair(who)
	if p == nil && err == nil {
		err = unavailable(ErrCorrupt, errors.New("a message is of no pair"))
	}
	return who, p, err
}

// message is a stored row as it is now.
func (b *batch) message(r *row, p *pair) (*chat.Message, error) {
	m, err := r.message(b.w.tag)
	if err == nil {
		m.Status = p.status(r)
	}
	return m, err
}

// uncount takes a message that is being deleted out of its pair.
func (b *batch) uncount(r *row) error {
	who, p, err := b.pairOf(r)
	if err == nil && p.status(r) < chat.Seen {
		p.way[r.dir].count(r.hidden, -1)
		b.touch(who, p)
	}
	b.w.known.drop(r.n)
	return err
}

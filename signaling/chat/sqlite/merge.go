package sqlite

import (
	"container/heap"
	"context"
	"database/sql"
	"strconv"
)

// strand is one ordered list of a conversation, which is read in pieces.
type strand struct {
	conv int64
	text string // of the query
	next int64  // the first place that was not taken
	read []spot // from next on
}

// spot is a message in a list; if it is not to be told here it is passed over.
type spot struct {
	place, n int64
	told     bool
}

// byNext is a heap of lists by the places at which they go on.
type byNext []*strand

func (h byNext) Len() int           { return len(h) }
func (h byNext) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h byNext) Less(i, j int) bool { return h[i].next < h[j].next }
func (h byNext) Push(any)           {}
func (h *byNext) Pop() any {
	*h = (*h)[:len(*h)-1]
	return nil
}

// merge takes the first messages of all lists. Of a list it reads no more than
// about what comes before the last of those; words are what else is told, which
// leaves room for fewer.
func (v view) merge(ctx context.Context, user string, lists byNext, words []entry, limit int) ([]entry, error) {
	heap.Init(&lists)
	found := make([]spot, 0, limit)
	for len(lists) > 0 && len(found) < limit {
		l := lists[0]
		if len(words) == limit && l.next > words[limit-1].seq {
			break
		}
		if len(l.read) == 0 {
			if err := v.readSome(ctx, user, l, limit); err != nil {
				return nil, err
			}
			if len(l.read) == 0 {
				heap.Pop(&lists)
				continue
			}
		}
		// There may be a nearer one in another list.
		if s := l.read[0]; s.place == l.next {
			if s.told {
				found = append(found, s)
			}
			l.read, l.next = l.read[1:], l.next+1
		}
		if len(l.read) > 0 {
			l.next = l.read[0].place
		}
		heap.Fix(&lists, 0)
	}
	return v.rows(ctx, found)
}

func (v view) readSome(ctx context.Context, user string, l *strand, limit int) error {
	return v.query(ctx, l.text, func(rows *sql.Rows) error {
		var s spot
		err := rows.Scan(&s.place, &s.n, &s.told)
		l.read = append(l.read, s)
		return err
	}, user, l.conv, l.next-1, limit)
}

// rows reads the messages of spots.
func (v view) rows(ctx context.Context, spots []spot) ([]entry, error) {
	if len(spots) == 0 {
		return nil, nil
	}
	places := make([]byte, 0, 12*len(spots))
	at := make(map[int64]int64, len(spots))
	for _, s := range spots {
		places = strconv.AppendInt(append(places, ','), s.n, 10)
		at[s.n] = s.place
	}
	places[0] = '['
	list := make([]entry, 0, len(spots))
	err := v.query(ctx, listRows, func(rows *sql.Rows) error {
		r := new(row)
		err := rows.Scan(r.dest()...)
		list = append(list, entry{seq: at[r.n], row: r})
		return err
	}, string(append(places, ']')))
	return list, err
}

package mongo

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// A cursor holds two places. All before the second was read; all before the first
// was read when there was no more. A message is told at the entry of the version
// that it has by then: if it has moved on, another entry is behind this one, or
// about to be, and is waited for. A message whose content is told before the
// first place is known, so that a mere status is told as a receipt.

// entry is one line of a journal.
type entry struct {
	place   int64
	message any // id, or nil
	version int32
	gone    string
	receipt *chat.Receipt
}

// told is what a reader hears of an entry.
type told struct {
	place   int64
	message *chat.Message
	receipt *chat.Receipt
	gone    string
}

// Changes implements chat.Journal.
func (s *Store) Changes(ctx context.Context, user, since string, limit int) (c chat.Changes, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		at := []int64{0, 0}
		if since != "" {
			var rest string
			var err error
			if at, rest, err = s.tag.Parse(since, chat.JournalCursor, 2); err != nil || rest != "" || at[0] > at[1] || at[0] < 0 {
				return chat.ErrBadCursor
			}
		}
		if err := s.adopt(ctx, user); err != nil {
			return err
		}
		r := &reader{s: s, user: user, known: at[0], from: at[1], versions: map[string]int32{}, deleted: map[string]bool{}}
		if err := r.read(ctx, limit+1); err != nil {
			return err
		}
		known, place := r.from, r.from
		if c.More = len(r.list) > limit; c.More {
			known, place = at[0], r.list[limit].place
			r.list = r.list[:limit]
		}
		for _, t := range r.list {
			switch {
			case t.message != nil:
				c.Messages = append(c.Messages, t.message)
			case t.receipt != nil:
				c.Receipts = append(c.Receipts, *t.receipt)
			default:
				c.Deleted = append(c.Deleted, t.gone)
			}
		}
		c.Cursor = s.tag.Pack(chat.JournalCursor, "", known, place)
		return nil
	})
	if err != nil {
		return chat.Changes{}, err
	}
	return c, nil
}

// Head implements chat.Journal.
func (s *Store) Head(ctx context.Context, user string) (cursor string, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		if err := s.adopt(ctx, user); err != nil {
			return err
		}
		r := &reader{s: s, user: user}
		if err := r.skip(ctx); err != nil {
			return err
		}
		cursor = s.tag.Pack(chat.JournalCursor, "", r.from, r.from)
		return nil
	})
	return cursor, err
}

package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// What a node that died has begun is finished by others: they find messages with
// tokens that are older than anything can be under way.

const (
	maxMend = 200 // at a time
	// patience is how long a reader waits for a change that is being told before
	// it tells it itself.
	patience = 3 * time.Second
)

// mendAlways looks at the start, and then again and again.
func (s *Store) mendAlways() {
	tick := time.NewTicker(s.cfg.MendEvery)
	defer tick.Stop()
	for {
		var n int
		err := s.do(s.life, func(ctx context.Context) (err error) {
			n, err = s.mendSome(ctx)
			return err
		})
		if err != nil && s.life.Err() == nil {
			s.log.Debug("what other nodes left undone could not be looked for", "error", err)
		}
		if n > 0 {
			s.log.Info("messages that another node had not finished are finished", "n", n)
		}
		if n == maxMend {
			continue
		}
		select {
		case <-s.life.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Store) mendSome(ctx context.Context) (n int, err error) {
	before := bson.NewObjectIDFromTimestamp(time.Now().Add(-s.cfg.MendAfter))
	var list []*stored
	err = s.each(ctx, s.messages, bson.D{{Key: "tandem.open", Value: bson.D{{Key: "$lt", Value: before}}}},
		options.Find().SetLimit(maxMend), func(raw bson.Raw) error {
			d, err := read(raw)
			list = append(list, d)
			return err
		})
	for _, d := range list {
		if err == nil {
			err = s.mend(ctx, d)
		}
		n++
	}
	if err != nil {
		return n, err
	}
	return n, s.mendSeen(ctx)
}

// mendSeen finishes "all seen" that was cut off. Whether both were told can not be
// known: they are told once more, which changes nothing.
func (s *Store) mendSeen(ctx context.Context) error {
	type word struct {
		reader, author string
		until          time.Time
	}
	var list []word
	before := time.Now().Add(-s.cfg.MendAfter)
	old := bson.A{}
	for _, field := range []string{"due.a", "due.b"} {
		old = append(old, bson.D{{Key: field + ".since", Value: bson.D{{Key: "$lt", Value: before}}}})
	}
	err := s.each(ctx, s.talks, bson.D{{Key: "$or", Value: old}}, options.Find().SetLimit(maxMend), func(raw bson.Raw) error {
		for _, side := range []string{"a", "b"} {
			d, ok := raw.Lookup("due", side).DocumentOK()
			if ok && instant(d.Lookup("since")).Before(before) {
				list = append(list, word{text(d.Lookup("reader")), text(d.Lookup("author")), instant(d.Lookup("until"))})
			}
		}
		return nil
	})
	for _, w := range list {
		if err == nil {
			_, err = s.seen(ctx, w.reader, w.author, w.until)
		}
		if err == nil {
			_, err = s.tell(ctx, both(w.author, w.reader), entryDoc{Author: value(w.author), Reader: value(w.reader), Until: w.until})
		}
		if err == nil {
			err = s.paid(ctx, w.reader, w.author, w.until)
		}
	}
	return err
}

// mend finishes what was begun with a message. Doing so twice does no harm.
func (s *Store) mend(ctx context.Context, d *stored) error {
	users := both(d.m.Sender, d.m.Receiver)
	if d.gone {
		for _, user := range users {
			if err := s.ensure(ctx, user, entryDoc{Gone: d.id}); err != nil {
				return err
			}
		}
		return s.bury(ctx, d)
	}
	if err := s.relist(ctx, d); err != nil {
		return err
	}
	for _, user := range users {
		e := entryDoc{Message: d.id, Version: d.version}
		if d.m.HiddenFrom(user) {
			e = entryDoc{Gone: d.id}
		}
		if err := s.ensure(ctx, user, e); err != nil {
			return err
		}
	}
	done := bson.A{}
	for _, token := range d.open {
		done = append(done, token)
	}
	_, err := s.messages.UpdateOne(ctx, bson.D{{Key: "_id", Value: d.id}}, bson.D{{Key: "$pullAll", Value: bson.D{{Key: "tandem.open", Value: done}}}})
	return err
}

// relist sees to it that a message is in its conversation.
func (s *Store) relist(ctx context.Context, d *stored) error {
	t, err := s.touch(ctx, d.m.Sender, d.m.Receiver, d.m.Created)
	if err != nil {
		return err
	}
	conv, err := s.conversation(ctx, t, d.m.Sender, d.m.Receiver)
	if err != nil {
		return err
	}
	err = s.conversations.FindOne(ctx, bson.D{{Key: "_id", Value: conv}, {Key: "messages", Value: d.id}},
		options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if isNone(err) {
		return s.push(ctx, conv, d.m, d.id)
	}
	return err
}

// ensure writes an entry into a user's journal if it is not there. What stands
// beyond a full document is void and does not count.
func (s *Store) ensure(ctx context.Context, user string, e entryDoc) error {
	match := bson.E{Key: "e.g", Value: e.Gone}
	if e.Message != nil {
		match = bson.E{Key: "e.m", Value: e.Message}
	}
	there := false
	err := s.each(ctx, s.journals, bson.D{{Key: "user", Value: value(user)}, match},
		options.Find(), func(raw bson.Raw) error {
			i := 0
			each(raw.Lookup("e"), func(v bson.RawValue) {
				have := readEntry(v, 0)
				same := e.Message != nil && have.message != nil && idText(have.message) == idText(e.Message) && have.version == e.Version ||
					e.Gone != nil && have.gone == idText(e.Gone)
				there = there || same && i < perChunk
				i++
			})
			return nil
		})
	if err != nil || there {
		return err
	}
	_, err = s.write(ctx, user, e)
	return err
}

// await returns when the journals know of all changes of a message that were under
// way. If whoever does that takes too long, it is done here.
func (s *Store) await(ctx context.Context, user string, d *stored) error {
	for wait, began := time.Millisecond, time.Now(); ; wait = min(2*wait, 50*time.Millisecond) {
		raw, err := s.messages.FindOne(ctx, bson.D{{Key: "_id", Value: d.id}}).Raw()
		if isNone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		now, err := read(raw)
		if err != nil || len(now.open) == 0 {
			return err
		}
		if time.Since(began) > patience {
			if now.gone || now.m.HiddenFrom(user) {
				return s.ensure(ctx, user, entryDoc{Gone: d.id})
			}
			return s.ensure(ctx, user, entryDoc{Message: d.id, Version: now.version})
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

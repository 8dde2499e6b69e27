package mongo

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// AddMany implements chat.Messages: one after the other.
func (s *Store) AddMany(ctx context.Context, list []chat.Message) []chat.Added {
	added := make([]chat.Added, len(list))
	for i := range list {
		a := &added[i]
		a.Message, a.Created, a.Err = s.Add(ctx, list[i])
	}
	return added
}

// Add implements chat.Messages. The message is inserted, then it takes its place
// in the conversation, then the journals are told. Whoever sends it again under
// its name finds it, and finishes what is left of that.
func (s *Store) Add(ctx context.Context, m chat.Message) (added *chat.Message, created bool, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		added, created, err = s.add(ctx, m)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return added, created, nil
}

func (s *Store) add(ctx context.Context, m chat.Message) (*chat.Message, bool, error) {
	now, token := s.clock.now(), bson.NewObjectID()
	doc := messageDoc{
		ID: bson.NewObjectIDFromTimestamp(now), Sender: value(m.Sender), Receiver: value(m.Receiver), Text: m.Text, Media: m.Media,
		Status: chat.Sent.String(), Reactions: bson.A{}, Created: now, Updated: now,
		Ours: oursDoc{Version: 1, Content: 1, ClientID: m.ClientID, Open: []bson.ObjectID{token}},
	}
	added := &chat.Message{
		ID: doc.ID.Hex(), Sender: m.Sender, Receiver: m.Receiver, Text: m.Text, Media: m.Media, ClientID: m.ClientID, Created: now, Updated: now,
	}
	if m.ReplyTo != nil {
		reply := *m.ReplyTo
		added.ReplyTo, doc.ReplyTo = &reply, &replyDoc{MessageID: value(reply.MessageID), Text: reply.Text}
	}
	if len(m.HiddenFor) > 0 {
		added.HiddenFor, doc.Ours.Hidden = slices.Clone(m.HiddenFor), userDocs(m.HiddenFor)
	}
	if m.ClientID != "" {
		doc.Ours.Key = joined(m.Sender, m.ClientID)
	}
	switch _, err := s.messages.InsertOne(ctx, doc); {
	case err == nil:
	case m.ClientID != "" && isDuplicate(err):
		was, err := s.again(ctx, doc.Ours.Key)
		return was, false, err
	default:
		return nil, false, err
	}
	ctx, cancel := s.onward(ctx)
	defer cancel()
	if err := s.introduce(ctx, added, doc.ID, token); err != nil {
		return nil, false, err
	}
	return added, true, nil
}

// introduce makes a message that was inserted known: to the conversation, and to
// the journals.
func (s *Store) introduce(ctx context.Context, m *chat.Message, id any, token bson.ObjectID) error {
	t, at, err := s.settle(ctx, m, id)
	if err != nil {
		return err
	}
	m.Created, m.Updated = at, at
	listed := make(chan error, 1)
	s.behind.Go(func() { listed <- s.list(ctx, t, m, id) })
	err = s.tellVersion(ctx, &stored{m: m, id: id, version: 1, content: 1}, token)
	return errors.Join(err, <-listed)
}

// tellVersion tells the journals of both of a message's version.
func (s *Store) tellVersion(ctx context.Context, d *stored, token bson.ObjectID) error {
	places, err := s.tell(ctx, both(d.m.Sender, d.m.Receiver), entryDoc{Message: d.id, Version: d.version})
	if err != nil {
		return err
	}
	job := markJob{id: d.id, token: token}
	if d.version == d.content {
		job.place = &placeDoc{Version: d.version, Sender: places[0], Receiver: places[len(places)-1]}
		s.cache.setPlace(d.m.ID, *job.place)
	}
	s.marks.put(job)
	return nil
}

// Sent implements chat.Messages.
func (s *Store) Sent(ctx context.Context, sender, clientID string) (was *chat.Message, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		was, err = s.again(ctx, joined(sender, clientID))
		return err
	})
	if err != nil {
		return nil, err
	}
	return was, nil
}

// again finds the message that was sent under a name before. If whoever sent it
// has not finished, it is finished here: what is answered is there for all.
func (s *Store) again(ctx context.Context, key string) (*chat.Message, error) {
	for {
		raw, err := s.messages.FindOne(ctx, bson.D{{Key: "tandem.key", Value: key}}).Raw()
		if isNone(err) {
			return nil, chat.ErrNotFound // removed just now
		}
		if err != nil {
			return nil, err
		}
		d, err := read(raw)
		if err != nil {
			return nil, err
		}
		if len(d.open) == 0 || d.version > 1 {
			return d.m, nil
		}
		// It may be under way at this moment, which is a matter of milliseconds.
		if time.Since(d.open[0].Timestamp()) < 2*time.Second {
			if err := pause(ctx, 2*time.Millisecond); err != nil {
				return nil, err
			}
			continue
		}
		return d.m, s.mend(ctx, d)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// settle gives a message its place in the conversation: not before what is there
// by other nodes' clocks, and after what was seen at once. The message is already
// there, so that "all seen" either comes before this and is heard of here, or
// after and finds it.
func (s *Store) settle(ctx context.Context, m *chat.Message, id any) (*talk, time.Time, error) {
	for at := m.Created; ; {
		was, err := s.touch(ctx, m.Sender, m.Receiver, at)
		if err != nil {
			return nil, at, err
		}
		if !was.last.After(at) && was.clock.Before(at) {
			return was, at, nil
		}
		at = s.clock.after(max(was.last.UnixMilli(), was.clock.UnixMilli()+1))
		_, err = s.messages.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.D{{Key: "$set", Value: bson.D{
			{Key: "createdAt", Value: at}, {Key: "updatedAt", Value: at}, {Key: "status", Value: chat.Sent.String()},
		}}})
		if err != nil {
			return nil, at, err
		}
	}
}

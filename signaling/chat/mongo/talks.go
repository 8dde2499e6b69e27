package mongo

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// lookers is how many conversations are looked at at once.
const lookers = 8

// known is somebody with whom a user has messages, and the time of the newest at
// most: it may be hidden or deleted.
type known struct {
	peer string
	last time.Time
}

// acquaintances lists those with whom a user has messages, up to limit if that is
// not 0, newest first.
func (s *Store) acquaintances(ctx context.Context, user string, limit int) (list []known, err error) {
	opts := options.Find().SetSort(bson.D{{Key: "last", Value: -1}}).SetLimit(int64(limit))
	err = s.each(ctx, s.talks, bson.D{{Key: "users", Value: value(user)}, {Key: "last", Value: bson.D{{Key: "$exists", Value: true}}}}, opts, func(raw bson.Raw) error {
		k := known{peer: user, last: instant(raw.Lookup("last"))}
		each(raw.Lookup("users"), func(v bson.RawValue) {
			if u := text(v); u != user {
				k.peer = u
			}
		})
		list = append(list, k)
		return nil
	})
	return list, err
}

// Conversations implements chat.Messages. Who comes next is known by the small
// documents; what the newest message is, is looked up for those alone who may be
// on the page.
func (s *Store) Conversations(ctx context.Context, user, cursor string, limit int) (page []chat.Conversation, next string, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		var before *chat.Message
		if cursor != "" {
			at, id, err := s.tag.Parse(cursor, chat.TalkCursor, 1)
			if err != nil {
				return err
			}
			before = &chat.Message{ID: id, Created: time.UnixMilli(at[0])}
		}
		if err := s.adopt(ctx, user); err != nil {
			return err
		}
		all, err := s.acquaintances(ctx, user, 0)
		if err != nil {
			return err
		}
		if page, err = s.newest(ctx, user, all, before, limit+1); err != nil {
			return err
		}
		if len(page) > limit {
			page = page[:limit]
			last := page[limit-1].Last
			next = s.tag.Pack(chat.TalkCursor, last.ID, last.Created.UnixMilli())
		}
		return s.together(len(page), func(i int) error {
			n, err := s.messages.CountDocuments(ctx, append(bson.D{
				{Key: "receiverId", Value: either(user)}, {Key: "senderId", Value: either(page[i].Peer)}, {Key: "status", Value: bson.D{{Key: "$ne", Value: chat.Seen.String()}}},
			}, visible(user)...))
			page[i].Unread = int(n)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// later orders messages, newest first.
func later(a, b *chat.Message) int {
	return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
}

// newest lists the conversations whose last messages are the newest ones older
// than one.
func (s *Store) newest(ctx context.Context, user string, all []known, before *chat.Message, limit int) ([]chat.Conversation, error) {
	page := []chat.Conversation{}
	for len(all) > 0 {
		if len(page) >= limit && !all[0].last.After(page[limit-1].Last.Created) {
			break // all that follow are older
		}
		some := all[:min(len(all), max(limit, lookers))]
		all = all[len(some):]
		found := make([]*chat.Message, len(some))
		err := s.together(len(some), func(i int) error {
			raw, err := s.messages.FindOne(ctx, between(user, some[i].peer, visible(user)...), options.FindOne().SetSort(newestFirst)).Raw()
			if isNone(err) {
				return nil
			}
			if err != nil {
				return err
			}
			d, err := read(raw)
			if err == nil {
				found[i] = d.m
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for i, m := range found {
			if m != nil && (before == nil || later(before, m) < 0) {
				page = append(page, chat.Conversation{Peer: some[i].peer, Last: m})
			}
		}
		slices.SortFunc(page, func(a, b chat.Conversation) int { return later(a.Last, b.Last) })
		page = page[:min(len(page), limit)]
	}
	return page, nil
}

// together runs f for 0 to n-1, some at once.
func (s *Store) together(n int, f func(int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	turns := make(chan struct{}, lookers)
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			errs[i] = f(i)
			<-turns
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Partners implements chat.Messages.
func (s *Store) Partners(ctx context.Context, user string, limit int) (list []string, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		if err := s.adopt(ctx, user); err != nil {
			return err
		}
		all, err := s.acquaintances(ctx, user, limit)
		list = []string{}
		for _, k := range all {
			list = append(list, k.peer)
		}
		return err
	})
	return list, err
}

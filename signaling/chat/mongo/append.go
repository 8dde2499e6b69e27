package mongo

import (
	"context"
	"strconv"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A journal is what happened to a user's messages, in a row of documents that
// are numbered without a gap, from when the user was first heard of: the second
// of that moment, so that one who was erased and comes back begins behind what
// their old cursors name. Each has up to perChunk entries, and their place is
// their number: what is pushed beyond is void, and its writer, who sees so by
// the count, tries in the next. Nobody writes into a document before the one
// before it is full, so a reader who has read to the end has missed nothing.

// perChunk is how many entries a document of a journal holds.
const perChunk = 64

// Entries of a journal. One of Message, Gone and Until is there.
type entryDoc struct {
	Message any       `bson:"m,omitempty"` // id of a message that has come to be Version
	Version int32     `bson:"v,omitempty"`
	Gone    any       `bson:"g,omitempty"` // id of a message that is no more
	Author  any       `bson:"a,omitempty"` // of whom Reader has seen all until then
	Reader  any       `bson:"r,omitempty"`
	Until   time.Time `bson:"t,omitempty"`
}

// cache is what this node remembers so as not to ask for it.
type cache struct {
	mu     sync.Mutex
	chunks map[string]int64    // newest document of a user's journal
	places map[string]placeDoc // of messages that this node added or changed
}

// maxCached bounds each: beyond it, all is forgotten and asked for again.
const maxCached = 100_000

func (c *cache) chunk(user string) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.chunks[user]
	return k, ok
}

func (c *cache) setChunk(user string, k int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.chunks == nil || len(c.chunks) >= maxCached {
		c.chunks = map[string]int64{}
	}
	c.chunks[user] = k
}

func (c *cache) forget(user string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.chunks, user)
}

func (c *cache) place(id string) (placeDoc, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.places[id]
	return p, ok
}

func (c *cache) setPlace(id string, p placeDoc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places == nil || len(c.places) >= maxCached {
		c.places = map[string]placeDoc{}
	}
	c.places[id] = p
}

func chunkID(user string, k int64) string { return user + "|" + strconv.FormatInt(k, 10) }

// newestChunk is the document to try first.
func (s *Store) newestChunk(ctx context.Context, user string) (int64, error) {
	if k, ok := s.cache.chunk(user); ok {
		return k, nil
	}
	key, now := bson.E{Key: "_id", Value: user}, time.Now().Unix()
	first := bson.D{{Key: "start", Value: now}, {Key: "head", Value: now}}
	raw, err := s.findAndUpdate(ctx, s.heads, bson.D{key}, bson.D{{Key: "$setOnInsert", Value: first}}, "", true)
	if err == nil && number(raw.Lookup("head")) == 0 { // they were known, but had no journal
		if _, err = s.heads.UpdateOne(ctx, bson.D{key, {Key: "head", Value: bson.D{{Key: "$exists", Value: false}}}}, bson.D{{Key: "$set", Value: first}}); err == nil {
			raw, err = s.heads.FindOne(ctx, bson.D{key}).Raw()
		}
	}
	if err != nil {
		return 0, err
	}
	k := number(raw.Lookup("head"))
	s.cache.setChunk(user, k)
	return k, nil
}

// write puts entries at the end of a user's journal, and gives their places.
func (s *Store) write(ctx context.Context, user string, entries ...entryDoc) ([]int64, error) {
	k, err := s.newestChunk(ctx, user)
	if err != nil {
		return nil, err
	}
	places := make([]int64, 0, len(entries))
	for len(entries) > 0 {
		some := entries[:min(len(entries), perChunk)]
		raw, err := s.findAndUpdate(ctx, s.journals, bson.D{{Key: "_id", Value: chunkID(user, k)}}, bson.D{
			{Key: "$push", Value: bson.D{{Key: "e", Value: bson.D{{Key: "$each", Value: some}}}}},
			{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(len(some))}}},
			{Key: "$max", Value: bson.D{{Key: "until", Value: time.Now()}}},
			{Key: "$setOnInsert", Value: bson.D{{Key: "user", Value: value(user)}, {Key: "k", Value: k}}},
		}, "n", true)
		if err != nil {
			return nil, err
		}
		before := number(raw.Lookup("n")) - int64(len(some))
		if before == 0 {
			head, err := s.begun(ctx, user, k)
			if err != nil {
				return nil, err
			}
			if k < head { // what we remembered is long gone
				k = head
				s.cache.setChunk(user, k)
				continue
			}
		}
		room := min(max(perChunk-before, 0), int64(len(some)))
		for i := range room {
			places = append(places, k*perChunk+before+i)
		}
		entries = entries[room:]
		if before+room >= perChunk {
			k++
			s.cache.setChunk(user, k)
		}
	}
	return places, nil
}

// begun notes that a journal has a new document, and says which is its newest.
func (s *Store) begun(ctx context.Context, user string, k int64) (head int64, err error) {
	raw, err := s.findAndUpdate(ctx, s.heads, bson.D{{Key: "_id", Value: user}}, bson.D{
		{Key: "$max", Value: bson.D{{Key: "head", Value: k}}}, {Key: "$setOnInsert", Value: bson.D{{Key: "start", Value: k}}},
	}, "", true)
	return number(raw.Lookup("head")), err
}

// tell writes an entry into the journals of several users at once; places are in
// their order.
func (s *Store) tell(ctx context.Context, users []string, e entryDoc) ([]int64, error) {
	places, errs := make([]int64, len(users)), make([]error, len(users))
	var wg sync.WaitGroup
	for i, user := range users {
		wg.Go(func() {
			list, err := s.write(ctx, user, e)
			if errs[i] = err; err == nil {
				places[i] = list[0]
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return places, nil
}

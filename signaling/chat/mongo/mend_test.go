package mongo

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// leave does to a message what a node would have left that died a minute ago.
func leave(t *testing.T, s *Store, id string, set bson.D) {
	t.Helper()
	token := bson.NewObjectIDFromTimestamp(time.Now().Add(-time.Minute))
	update := bson.D{{Key: "$push", Value: bson.D{{Key: "tandem.open", Value: token}}}}
	if len(set) > 0 {
		update = append(update, bson.E{Key: "$set", Value: set})
	}
	res, err := s.messages.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: value(id)}}, update)
	must(t, err)
	if res.MatchedCount != 1 {
		t.Fatalf("no message %s", id)
	}
}

func mendAll(t *testing.T, s *Store) {
	t.Helper()
	for range 10 {
		if n, err := s.mendSome(t.Context()); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			return
		}
	}
	t.Fatal("mending has no end")
}

// What a node began and did not get done, another finishes; what it had done is
// not done twice.
func TestM3_AnotherNodeFinishes(t *testing.T) {
	s := openStore(t, DefaultConfig(database(t)))
	ctx := t.Context()
	add := func(text string) *chat.Message {
		m, _, err := s.Add(ctx, chat.Message{Sender: alice, Receiver: bob, Text: text, ClientID: text})
		must(t, err)
		return m
	}
	done, status, hidden, gone := add("done"), add("status"), add("hidden"), add("gone")
	cursors := map[string]string{}
	news := func(user string) chat.Changes {
		t.Helper()
		c, err := s.Changes(ctx, user, cursors[user], 100)
		must(t, err)
		cursors[user] = c.Cursor
		return c
	}
	for _, user := range []string{alice, bob} {
		news(user)
	}
	// It died before it told, or before it took back the token of what it had told.
	leave(t, s, done.ID, nil)
	leave(t, s, status.ID, bson.D{{Key: "status", Value: "seen"}, {Key: "tandem.v", Value: int32(2)}})
	leave(t, s, hidden.ID, bson.D{{Key: "tandem.hidden", Value: bson.A{value(bob)}}})
	leave(t, s, gone.ID, bson.D{{Key: "tandem.gone", Value: true}})
	lost := messageDoc{
		ID: bson.NewObjectID(), Sender: value(alice), Receiver: value(bob), Text: "lost", Status: "sent", Reactions: bson.A{}, Created: time.Now(), Updated: time.Now(),
		Ours: oursDoc{Version: 1, Content: 1, Key: joined(alice, "lost"), ClientID: "lost", Open: []bson.ObjectID{bson.NewObjectIDFromTimestamp(time.Now().Add(-time.Minute))}},
	}
	_, err := s.messages.InsertOne(ctx, lost)
	must(t, err)
	if _, err := s.Get(ctx, gone.ID); err == nil {
		t.Error("what is being deleted is shown")
	}

	mendAll(t, s)
	for _, user := range []string{alice, bob} {
		c := news(user)
		if got := textsOf(c.Messages); got != "lost" {
			t.Errorf("%s is told of %q", user, got)
		}
		if len(c.Receipts) != 1 || c.Receipts[0].MessageID != status.ID || c.Receipts[0].Status != chat.Seen {
			t.Errorf("%s is told %+v", user, c.Receipts)
		}
		want := map[string]int{alice: 1, bob: 2}[user]
		if len(c.Deleted) != want {
			t.Errorf("%s is told that %v are gone, want %d", user, c.Deleted, want)
		}
	}
	n, err := s.conversations.CountDocuments(ctx, bson.D{{Key: "messages", Value: lost.ID}})
	must(t, err)
	if n != 1 {
		t.Error("it is in no conversation")
	}
	n, err = s.messages.CountDocuments(ctx, bson.D{{Key: "_id", Value: value(gone.ID)}})
	must(t, err)
	if n != 0 {
		t.Error("what was deleted is still there")
	}
	m, created, err := s.Add(ctx, chat.Message{Sender: alice, Receiver: bob, Text: "lost", ClientID: "lost"})
	must(t, err)
	if created || m.ID != lost.ID.Hex() {
		t.Errorf("sent again: %v %+v", created, m)
	}
	mendAll(t, s)
	for _, user := range []string{alice, bob} {
		if c := news(user); len(c.Messages)+len(c.Receipts)+len(c.Deleted) > 0 {
			t.Errorf("%s is told again: %+v", user, c)
		}
	}
}

// Who sends again what a dead node left half done is answered when it is whole.
func TestM1_SentAgainIsFinished(t *testing.T) {
	s := openStore(t, DefaultConfig(database(t)))
	ctx := t.Context()
	half := messageDoc{
		ID: bson.NewObjectID(), Sender: "ann", Receiver: "bob", Text: "x", Status: "sent", Reactions: bson.A{}, Created: time.Now(), Updated: time.Now(),
		Ours: oursDoc{Version: 1, Content: 1, Key: joined("ann", "c"), ClientID: "c", Open: []bson.ObjectID{bson.NewObjectIDFromTimestamp(time.Now().Add(-5 * time.Second))}},
	}
	_, err := s.messages.InsertOne(ctx, half)
	must(t, err)
	m, created, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "x", ClientID: "c"})
	must(t, err)
	if created || m.ID != half.ID.Hex() {
		t.Fatalf("%v %+v", created, m)
	}
	c, err := s.Changes(ctx, "bob", "", 10)
	must(t, err)
	if len(c.Messages) != 1 {
		t.Errorf("bob is told of %d messages", len(c.Messages))
	}
}

// A reader who comes upon a change whose node died does not wait for ever, and
// misses nothing.
func TestM3_AReaderFinishesItself(t *testing.T) {
	s := openStore(t, DefaultConfig(database(t)))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, _, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "x"})
	must(t, err)
	_, err = s.messages.UpdateOne(ctx, bson.D{{Key: "_id", Value: value(m.ID)}}, bson.D{
		{Key: "$set", Value: bson.D{{Key: "status", Value: "delivered"}, {Key: "tandem.v", Value: int32(2)}}},
		{Key: "$push", Value: bson.D{{Key: "tandem.open", Value: bson.NewObjectID()}}},
	})
	must(t, err)
	c, err := s.Changes(ctx, "bob", "", 10)
	must(t, err)
	if len(c.Messages) != 1 || c.Messages[0].Status != chat.Delivered || c.More {
		t.Errorf("bob is told %+v", c)
	}
	again, err := s.Changes(ctx, "bob", c.Cursor, 10)
	must(t, err)
	if len(again.Messages)+len(again.Receipts) > 0 {
		t.Errorf("and again %+v", again)
	}
}

// "All seen" that was cut off after it had begun is finished, and its author's
// devices hear of it.
func TestM2_AllSeenIsFinished(t *testing.T) {
	cfg := DefaultConfig(database(t))
	cfg.MendEvery = time.Hour // here it is called
	s := openStore(t, cfg)
	ctx := t.Context()
	for _, text := range []string{"one", "two"} {
		_, _, err := s.Add(ctx, chat.Message{Sender: "bob", Receiver: "ann", Text: text})
		must(t, err)
	}
	c, err := s.Changes(ctx, "bob", "", 10)
	must(t, err)
	_, _, err = s.fence(ctx, "ann", "bob") // and then the node died
	must(t, err)
	later, _, err := s.Add(ctx, chat.Message{Sender: "bob", Receiver: "ann", Text: "three"})
	must(t, err)
	_, err = s.talks.UpdateOne(ctx, bson.D{{Key: "_id", Value: pairKey("ann", "bob")}},
		bson.D{{Key: "$set", Value: bson.D{{Key: dueField("ann", "bob") + ".since", Value: time.Now().Add(-time.Minute)}}}})
	must(t, err)
	for range 2 {
		_, err = s.mendSome(ctx)
		must(t, err)
	}
	list, err := s.History(ctx, "ann", "bob", "", 10)
	must(t, err)
	if list[0].Status != chat.Seen || list[1].Status != chat.Seen || list[2].Status != chat.Sent {
		t.Errorf("statuses: %v %v %v", list[0].Status, list[1].Status, list[2].Status)
	}
	c, err = s.Changes(ctx, "bob", c.Cursor, 10)
	must(t, err)
	seen := 0
	for _, r := range c.Receipts {
		if r.MessageID == "" && r.Reader == "ann" && r.Until.Before(later.Created) {
			seen++
		}
	}
	if seen == 0 || len(c.Messages) != 1 {
		t.Errorf("bob is told %+v", c)
	}
	n, err := s.talks.CountDocuments(ctx, bson.D{{Key: dueField("ann", "bob"), Value: bson.D{{Key: "$exists", Value: true}}}})
	must(t, err)
	if n != 0 {
		t.Error("it is still due")
	}
}

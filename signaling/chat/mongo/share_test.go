package mongo

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

const (
	alice = "65f000000000000000000001"
	bob   = "65f000000000000000000002"
)

// fieldTypes are the fields of a document with the names of their types.
func fieldTypes(t *testing.T, raw bson.Raw) string {
	t.Helper()
	fields, err := raw.Elements()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range fields {
		list = append(list, f.Key()+" "+f.Value().Type.String())
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What old programs read is where and of which type they expect it.
func TestM5_FieldsAndTypes(t *testing.T) {
	s := openStore(t, DefaultConfig(database(t)))
	ctx := t.Context()
	first, _, err := s.Add(ctx, chat.Message{Sender: alice, Receiver: bob, Text: "question"})
	must(t, err)
	m, _, err := s.Add(ctx, chat.Message{
		Sender: bob, Receiver: alice, Text: "answer", Media: "https://cdn.example/x.png", ClientID: "c1", ReplyTo: &chat.Reply{MessageID: first.ID, Text: "question"},
	})
	must(t, err)
	_, _, err = s.Update(ctx, m.ID, chat.Toggle(alice, "👍"))
	must(t, err)
	raw, err := s.messages.FindOne(ctx, bson.D{{Key: "_id", Value: value(m.ID)}}).Raw()
	must(t, err)
	want := "__v 32-bit integer, _id objectID, createdAt UTC datetime, media string, message string, reactions array, receiverId objectID, " +
		"replyTo embedded document, senderId objectID, status string, tandem embedded document, updatedAt UTC datetime"
	if got := fieldTypes(t, raw); got != want {
		t.Errorf("a message has\n%s, want\n%s", got, want)
	}
	if got := fieldTypes(t, raw.Lookup("replyTo").Document()); got != "messageId objectID, text string" {
		t.Errorf("replyTo has %s", got)
	}
	if got := fieldTypes(t, raw.Lookup("reactions", "0").Document()); got != "emoji string, userId objectID" {
		t.Errorf("a reaction has %s", got)
	}
	all, err := s.conversations.Find(ctx, bson.D{})
	must(t, err)
	var list []struct {
		Participants, Messages []bson.ObjectID
		CreatedAt, UpdatedAt   time.Time
	}
	must(t, all.All(ctx, &list))
	if len(list) != 1 || len(list[0].Participants) != 2 || len(list[0].Messages) != 2 || list[0].Messages[1].Hex() != m.ID || list[0].UpdatedAt.IsZero() {
		t.Errorf("conversations: %+v", list)
	}
	// Users whose ids are no ObjectIds keep them.
	m, _, err = s.Add(ctx, chat.Message{Sender: "ann", Receiver: alice, Text: "x"})
	must(t, err)
	raw, err = s.messages.FindOne(ctx, bson.D{{Key: "_id", Value: value(m.ID)}}).Raw()
	must(t, err)
	if a, b := raw.Lookup("senderId").Type, raw.Lookup("receiverId").Type; a != bson.TypeString || b != bson.TypeObjectID {
		t.Errorf("ids are stored as %v and %v", a, b)
	}
	_, err = s.Remove(ctx, first.ID, chat.MayDelete(alice))
	must(t, err)
	n, err := s.conversations.CountDocuments(ctx, bson.D{{Key: "messages", Value: value(first.ID)}})
	must(t, err)
	if n != 0 {
		t.Error("a deleted message is still in its conversation")
	}
}

// oldMessage is what a program without Tandem writes.
func oldMessage(from, to any, text string, at time.Time, more ...bson.E) bson.D {
	return append(bson.D{
		{Key: "_id", Value: bson.NewObjectIDFromTimestamp(at)}, {Key: "senderId", Value: from}, {Key: "receiverId", Value: to}, {Key: "message", Value: text},
		{Key: "createdAt", Value: at}, {Key: "updatedAt", Value: at}, {Key: "__v", Value: int32(0)},
	}, more...)
}

func textsOf(list []*chat.Message) string {
	var out []string
	for _, m := range list {
		out = append(out, m.Text)
	}
	return strings.Join(out, " ")
}

// What old programs wrote is history, conversation, and journal: whole, once.
func TestM5_OldDocuments(t *testing.T) {
	s := openStore(t, DefaultConfig(database(t)))
	ctx := t.Context()
	a, b, at := value(alice), value(bob), time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	old := bson.NewObjectID()
	_, err := s.conversations.InsertOne(ctx, bson.D{{Key: "_id", Value: old}, {Key: "participants", Value: bson.A{b, a}}, {Key: "messages", Value: bson.A{}}})
	must(t, err)
	for _, doc := range []bson.D{
		oldMessage(a, b, "no-status", at),
		oldMessage(b, a, "seen", at.Add(time.Second), bson.E{Key: "status", Value: "seen"}, bson.E{Key: "media", Value: nil}, bson.E{Key: "replyTo", Value: nil}),
		oldMessage(alice, bob, "string-ids", at.Add(2*time.Second), bson.E{Key: "status", Value: "sent"},
			bson.E{Key: "reactions", Value: bson.A{bson.D{{Key: "_id", Value: bson.NewObjectID()}, {Key: "userId", Value: b}, {Key: "emoji", Value: "👍"}}}}),
		oldMessage(a, bob, "mixed", at.Add(3*time.Second), bson.E{Key: "status", Value: 7}, bson.E{Key: "message2", Value: bson.D{}}, bson.E{Key: "reactions", Value: "none"}),
	} {
		_, err := s.messages.InsertOne(ctx, doc)
		must(t, err)
	}
	list, err := s.History(ctx, bob, alice, "", 10)
	must(t, err)
	if got := textsOf(list); got != "no-status seen string-ids mixed" {
		t.Errorf("history: %s", got)
	}
	if list[0].Status != chat.Sent || list[1].Status != chat.Seen || list[3].Status != chat.Sent || !slices.Equal(list[2].Reactions, []chat.Reaction{{User: bob, Emoji: "👍"}}) {
		t.Errorf("read as %+v, %+v, %+v", list[0], list[1], list[2])
	}
	page, err := s.History(ctx, bob, alice, list[2].ID, 10)
	must(t, err)
	if got := textsOf(page); got != "no-status seen" {
		t.Errorf("a page of history: %s", got)
	}
	for _, user := range []string{alice, bob} {
		talks, _, err := s.Conversations(ctx, user, "", 10)
		must(t, err)
		if len(talks) != 1 || talks[0].Last.Text != "mixed" || talks[0].Unread != map[string]int{alice: 0, bob: 3}[user] {
			t.Errorf("conversations of %s: %+v", user, talks)
		}
		c, err := s.Changes(ctx, user, "", 10)
		must(t, err)
		if got := textsOf(c.Messages); got != "no-status seen string-ids mixed" || c.More {
			t.Errorf("the journal of %s: %s", user, got)
		}
		again, err := s.Changes(ctx, user, c.Cursor, 10)
		must(t, err)
		if len(again.Messages) > 0 {
			t.Errorf("told again: %s", textsOf(again.Messages))
		}
	}
	// What comes later is told, too, and goes into the conversation that there was.
	head, err := s.Head(ctx, bob)
	must(t, err)
	_, err = s.messages.InsertOne(ctx, oldMessage(a, b, "later", time.Now()))
	must(t, err)
	_, _, err = s.Mark(ctx, bob, list[0].ID, chat.Seen)
	must(t, err)
	_, _, err = s.Add(ctx, chat.Message{Sender: alice, Receiver: bob, Text: "new"})
	must(t, err)
	c, err := s.Changes(ctx, bob, head, 10)
	must(t, err)
	if got := textsOf(c.Messages); !strings.Contains(got, "later") || !strings.Contains(got, "new") {
		t.Errorf("told later: %s", got)
	}
	n, err := s.conversations.CountDocuments(ctx, bson.D{})
	must(t, err)
	var conv struct{ Messages []bson.ObjectID }
	must(t, s.conversations.FindOne(ctx, bson.D{{Key: "_id", Value: old}}).Decode(&conv))
	if n != 1 || len(conv.Messages) != 1 {
		t.Errorf("%d conversations, %d messages in the one that there was", n, len(conv.Messages))
	}
	seen, err := s.MarkAll(ctx, bob, alice)
	must(t, err)
	if seen != 4 {
		t.Errorf("%d were seen, want 4", seen)
	}
}

// Many old ones are adopted in several steps, by several nodes at once, once each.
func TestM5_ManyOldDocuments(t *testing.T) {
	cfg := DefaultConfig(database(t))
	cfg.Timeout, cfg.MendAfter = time.Minute, 3*time.Minute // FerretDB goes through everything for each
	stores := []*Store{openStore(t, cfg), openStore(t, cfg)}
	ctx := t.Context()
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	const n = maxAdopt + 20
	docs := make([]any, 0, n)
	for i := range n {
		docs = append(docs, oldMessage(value(alice), value(bob), "x", at.Add(time.Duration(i)*time.Millisecond)))
	}
	_, err := stores[0].messages.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	must(t, err)
	errs := make(chan error, 4)
	for i := range cap(errs) {
		go func() {
			_, err := stores[i%2].Head(ctx, []string{alice, bob}[i/2])
			errs <- err
		}()
	}
	for range cap(errs) {
		must(t, <-errs)
	}
	for _, user := range []string{alice, bob} {
		got, cursor := map[string]int{}, ""
		for more := true; more; {
			c, err := stores[0].Changes(ctx, user, cursor, 400)
			must(t, err)
			for _, m := range c.Messages {
				got[m.ID]++
			}
			cursor, more = c.Cursor, c.More
		}
		for id, times := range got {
			if times != 1 {
				t.Errorf("%s was told %s %d times", user, id, times)
			}
		}
		if len(got) != n {
			t.Errorf("%s was told of %d messages, want %d", user, len(got), n)
		}
	}
}

func TestM5_Profiles(t *testing.T) {
	s := openStore(t, DefaultConfig(database(t)))
	ctx := t.Context()
	_, err := s.users.InsertOne(ctx, bson.D{
		{Key: "_id", Value: value(alice)}, {Key: "username", Value: `al"ice`}, {Key: "fullName", Value: "Alice A."}, {Key: "profilePic", Value: "https://cdn.example/a.png"},
		{Key: "gender", Value: "female"}, {Key: "password", Value: "$2b$10$secret"}, {Key: "resetToken", Value: "secret"}, {Key: "email", Value: "secret@example.com"},
		{Key: "nested", Value: bson.D{{Key: "password", Value: "secret"}}},
	})
	must(t, err)
	_, err = s.users.InsertOne(ctx, bson.D{{Key: "_id", Value: "ann"}, {Key: "username", Value: bson.D{{Key: "password", Value: "secret"}}}})
	must(t, err)
	for user, want := range map[string]string{
		alice: `{"_id":"` + alice + `","username":"al\"ice","fullName":"Alice A.","profilePic":"https://cdn.example/a.png","gender":"female"}`,
		"ann": `{"_id":"ann"}`,
		bob:   "",
		"":    "",
	} {
		for range 2 {
			got, err := s.Profile(ctx, user)
			must(t, err)
			if string(got) != want {
				t.Errorf("profile of %q: %s, want %s", user, got, want)
			}
		}
	}
}

func TestM5_Indexes(t *testing.T) {
	cfg := DefaultConfig(database(t))
	s := openStore(t, cfg)
	must(t, s.Close())
	s = openStore(t, cfg) // again: they are there
	specs, err := s.messages.Indexes().ListSpecifications(t.Context())
	must(t, err)
	var names []string
	for _, i := range specs {
		names = append(names, i.Name)
	}
	for _, want := range []string{"tandem_history", "tandem_unread", "tandem_client"} {
		if !slices.Contains(names, want) {
			t.Errorf("no index %s among %v", want, names)
		}
	}
}

func TestConfig(t *testing.T) {
	must(t, DefaultConfig("mongodb://h").Validate())
	for _, change := range []func(*Config){
		func(c *Config) { c.URI = "http://h" }, func(c *Config) { c.Timeout = 0 }, func(c *Config) { c.SelectTimeout = 0 },
		func(c *Config) { c.MendEvery = -1 }, func(c *Config) { c.MendAfter = c.Timeout }, func(c *Config) { c.Logger = nil },
	} {
		c := DefaultConfig("mongodb://h")
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
	for uri, want := range map[string]string{
		"mongodb://h": "database test of h", "mongodb://u:p@h1,h2/chat?w=1": "database chat of h1,h2", "mongodb+srv://u:p@c.example/?x=1": "database test of c.example",
	} {
		if got := DefaultConfig(uri).Place(); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
	_, err := Open(context.Background(), DefaultConfig("mongodb://user:pass@word@h/%zz"))
	if err == nil || strings.Contains(err.Error(), "pass") {
		t.Errorf("a bad URI: %v", err)
	}
}

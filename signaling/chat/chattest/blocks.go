package chattest

import (
	"context"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// neverSeen: a message that its receiver never sees, because it has blocked the
// sender, is there for the sender alone.
func neverSeen(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	cursor := ""
	news(t, s, "bob", &cursor)
	m, created, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "x", ClientID: "c", HiddenFor: []string{"bob"}})
	must(t, err)
	same(t, "created", created, true)
	same(t, "hidden for", m.HiddenFor, []string{"bob"})
	same(t, "stored", get(t, s, m.ID), m)
	for user, n := range map[string]int{"ann": 1, "bob": 0} {
		peer := map[string]string{"ann": "bob", "bob": "ann"}[user]
		same(t, "history of "+user, len(history(t, s, user, peer, "", 10)), n)
		talks, _, err := s.Conversations(ctx, user, "", 10)
		must(t, err)
		same(t, "conversations of "+user, len(talks), n)
		since := ""
		same(t, "a new device of "+user, len(news(t, s, user, &since).Messages), n)
	}
	c := news(t, s, "bob", &cursor)
	same(t, "told to bob", len(c.Messages)+len(c.Receipts)+len(c.Deleted), 0)
	change(t, s, m.ID, chat.Toggle("ann", "👍"))
	c = news(t, s, "bob", &cursor)
	same(t, "told to bob of a change", len(c.Messages)+len(c.Receipts)+len(c.Deleted), 0)
	again, created, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "x", ClientID: "c"})
	must(t, err)
	if created || !again.HiddenFrom("bob") {
		t.Errorf("sent again: %+v", again)
	}
}

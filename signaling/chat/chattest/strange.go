package chattest

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// strange are user ids that some store, query or index might take for another,
// or for something else than a user.
var strange = []string{
	"o'brien", `say "hi"`, "spa ce", "trailing ", "trailing", "Ann", "ann", "日本語", "e\u0301", "\u00e9", "👩‍👩‍👧",
	"5f1d7f3e2b4c5d6e7f8a9b0c", "5F1D7F3E2B4C5D6E7F8A9B0C", "5f1d7f3e2b4c5d6e7f8a9b0cx", "42", "42.0", "-1", "null", "true",
	"$where", "a.b", "a%", "a_", `back\slash`, "semi;colon", "a:b", "a|b", "a,b", "new\nline", strings.Repeat("long", 64),
}

func strangeIDs(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	for i, user := range strange {
		peer := strange[(i+1)%len(strange)]
		add(t, s, user, peer, fmt.Sprintf("from %q", user))
		must(t, s.Block(ctx, user, peer))
		r := missed(i, user)
		r.Callee = peer
		logCall(t, s, r)
	}
	for i, user := range strange {
		next, last := strange[(i+1)%len(strange)], strange[(i+len(strange)-1)%len(strange)]
		got := history(t, s, user, next, "", 10)
		same(t, "history", texts(got), []string{fmt.Sprintf("from %q", user)})
		same(t, "sender", got[0].Sender, user)
		same(t, "receiver", got[0].Receiver, next)
		peers, err := s.Partners(ctx, user, 10)
		must(t, err)
		sort.Strings(peers)
		want := []string{next, last}
		sort.Strings(want)
		same(t, fmt.Sprintf("partners of %q", user), peers, want)
		list, err := s.Blocked(ctx, user)
		must(t, err)
		same(t, "blocked", list, []string{next})
		same(t, "missed calls", missedCount(t, s, user), 1)
		n, err := s.MarkAll(ctx, user, last)
		must(t, err)
		same(t, fmt.Sprintf("seen by %q", user), n, 1)
		c, err := s.Changes(ctx, user, "", 100)
		must(t, err)
		same(t, "messages in the journal", len(c.Messages), 2)
		for _, r := range c.Receipts {
			if r.Author != user && r.Reader != user {
				t.Errorf("%q was told %+v", user, r)
			}
		}
		m := change(t, s, got[0].ID, chat.Toggle(next, "👍"))
		same(t, "reaction", m.Reactions, []chat.Reaction{{User: next, Emoji: "👍"}})
		if i < len(strange)-1 { // the first has seen all by the end
			same(t, "rose", mark(t, s, next, got[0].ID, chat.Delivered), true)
		}
		change(t, s, got[0].ID, chat.HideFor(user))
		same(t, "hidden for", get(t, s, got[0].ID).HiddenFor, []string{user})
	}
}

// Pairs that would be the same if ids were joined without care.
func strangePairs(t *testing.T, w Open) {
	s := open(t, w)
	var pairs [][2]string
	for _, sep := range []string{":", "|", ",", " ", "/", "_", "-", "\x1f", ""} {
		pairs = append(pairs, [2]string{"a" + sep + "b", "c"}, [2]string{"a", "b" + sep + "c"})
	}
	for i, p := range pairs {
		add(t, s, p[0], p[1], strconv.Itoa(i))
	}
	for i, p := range pairs {
		same(t, fmt.Sprintf("between %q", p), texts(history(t, s, p[1], p[0], "", 10)), []string{strconv.Itoa(i)})
	}
}

func strangeTexts(t *testing.T, w Open) {
	s := open(t, w)
	for i, text := range []string{
		"'; DROP TABLE messages; --", `{"$set":{}}`, "zero\x00byte", "\u2028", "👩‍👩‍👧", "a\r\nb", strings.Repeat("ä", 8000), " ", "42", "null",
	} {
		m, _, err := s.Add(context.Background(), chat.Message{
			Sender: "ann", Receiver: "bob", Text: text, ClientID: fmt.Sprint("'", i),
			ReplyTo: &chat.Reply{MessageID: "000000000000000000000000", Text: text},
		})
		must(t, err)
		same(t, "stored", get(t, s, m.ID), m)
		same(t, "text", m.Text, text)
		got := change(t, s, m.ID, chat.DefaultConfig().EditText("ann", text+"!", time.Now()))
		same(t, "former text", got.Edits[0].Text, text)
	}
}

func endedContext(t *testing.T, w Open) {
	s := open(t, w)
	m := add(t, s, "ann", "bob", "x")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, err := range everyMethod(ctx, s, m.ID) {
		is(t, name, err, context.Canceled)
	}
	same(t, "the message", get(t, s, m.ID), m)
	same(t, "history", texts(history(t, s, "ann", "bob", "", 10)), []string{"x"})
	same(t, "calls", len(calls(t, s, "bob")), 0)
	list, err := s.Blocked(context.Background(), "ann")
	must(t, err)
	same(t, "blocked", len(list), 0)
}

func closedStore(t *testing.T, w Open) {
	s := w()
	m := add(t, s, "ann", "bob", "x")
	must(t, s.Close())
	for name, err := range everyMethod(context.Background(), s, m.ID) {
		is(t, name, err, chat.ErrUnavailable)
	}
	must(t, s.Close())
	same(t, "the message", get(t, open(t, w), m.ID), m)
}

// everyMethod calls all of a store and gives what each said.
func everyMethod(ctx context.Context, s chat.Store, id string) map[string]error {
	errs := map[string]error{}
	_, _, errs["Add"] = s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "y"})
	errs["AddMany"] = s.AddMany(ctx, []chat.Message{{Sender: "ann", Receiver: "bob", Text: "z"}})[0].Err
	_, errs["Get"] = s.Get(ctx, id)
	_, errs["History"] = s.History(ctx, "ann", "bob", "", 10)
	_, errs["MarkDelivered"] = s.MarkDelivered(ctx, "bob", []string{id})
	_, _, errs["Mark"] = s.Mark(ctx, "bob", id, chat.Seen)
	_, errs["MarkAll"] = s.MarkAll(ctx, "bob", "ann")
	_, _, errs["Update"] = s.Update(ctx, id, chat.Toggle("bob", "👍"))
	_, errs["Remove"] = s.Remove(ctx, id, chat.MayDelete("ann"))
	_, _, errs["Conversations"] = s.Conversations(ctx, "ann", "", 10)
	_, errs["Partners"] = s.Partners(ctx, "ann", 10)
	_, errs["Changes"] = s.Changes(ctx, "ann", "", 10)
	_, errs["Head"] = s.Head(ctx, "ann")
	errs["LogCall"] = s.LogCall(ctx, missed(0, "ann"))
	_, _, errs["Calls"] = s.Calls(ctx, "bob", "", 10)
	_, errs["MissedCalls"] = s.MissedCalls(ctx, "bob")
	errs["SeeCalls"] = s.SeeCalls(ctx, "bob", noon)
	errs["Block"] = s.Block(ctx, "ann", "bob")
	errs["Unblock"] = s.Unblock(ctx, "ann", "bob")
	_, errs["Blocked"] = s.Blocked(ctx, "ann")
	_, errs["BlockedBy"] = s.BlockedBy(ctx, "ann")
	errs["Export"] = s.Export(ctx, "ann", func(*chat.Message) error { return nil })
	errs["Erase"] = s.Erase(ctx, "ann")
	_, errs["Expire"] = s.Expire(ctx, noon)
	return errs
}

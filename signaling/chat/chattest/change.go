package chattest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

var errRule = errors.New("a rule says no")

func update(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	m := add(t, s, "ann", "bob", "before")

	got, changed, err := s.Update(ctx, m.ID, func(m *chat.Message) (bool, error) {
		m.Text, m.Media = "after", "https://cdn.example/x"
		return true, nil
	})
	must(t, err)
	same(t, "changed", changed, true)
	same(t, "text and media", got.Text+got.Media, "afterhttps://cdn.example/x")
	if got.Updated.Before(m.Updated) || !got.Created.Equal(m.Created) {
		t.Errorf("created %v, updated %v; was %v, %v", got.Created, got.Updated, m.Created, m.Updated)
	}
	same(t, "stored", get(t, s, m.ID), got)

	for _, test := range []struct {
		err     error
		changed bool
	}{{nil, false}, {errRule, false}, {errRule, true}} {
		_, changed, err := s.Update(ctx, m.ID, func(m *chat.Message) (bool, error) {
			m.Text = "must not be stored"
			return test.changed, test.err
		})
		if !errors.Is(err, test.err) || changed {
			t.Errorf("%v %v, want %v and no change", changed, err, test.err)
		}
		same(t, "stored", get(t, s, m.ID), got)
	}
	for _, id := range badIDs {
		_, _, err := s.Update(ctx, id, func(*chat.Message) (bool, error) { return true, nil })
		is(t, fmt.Sprintf("update %q", id), err, chat.ErrNotFound)
	}
}

// Both toggle an odd number of times, so both reactions stand in the end.
func reactionsRace(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	m := add(t, stores[0], "ann", "bob", "x")
	together(4, func(i int) {
		user, times := "ann", 7
		if i >= 2 {
			user = "bob"
		}
		if i%2 == 0 {
			times = 8
		}
		for range times {
			_, changed, err := stores[i%2].Update(context.Background(), m.ID, chat.Toggle(user, "👍"))
			if err != nil || !changed {
				t.Errorf("toggle: %v %v", changed, err)
			}
		}
	})
	got := get(t, stores[1], m.ID)
	users := map[string]string{}
	for _, r := range got.Reactions {
		users[r.User] = r.Emoji
	}
	same(t, "reactions", users, map[string]string{"ann": "👍", "bob": "👍"})
	same(t, "one each", len(got.Reactions), 2)

	// An order is kept: who reacted first stands first.
	n := add(t, stores[0], "ann", "bob", "y")
	change(t, stores[0], n.ID, chat.Toggle("bob", "❤️"))
	change(t, stores[1], n.ID, chat.Toggle("ann", "😂"))
	same(t, "order", get(t, stores[0], n.ID).Reactions, []chat.Reaction{{User: "bob", Emoji: "❤️"}, {User: "ann", Emoji: "😂"}})
}

func edits(t *testing.T, w Open) {
	s := open(t, w)
	c := chat.DefaultConfig()
	m := add(t, s, "ann", "bob", "one")
	at := time.Date(2026, 5, 6, 7, 8, 9, 10_000_000, time.UTC)
	change(t, s, m.ID, c.EditText("ann", "two", at))
	change(t, s, m.ID, c.EditText("ann", "three", at.Add(time.Hour)))
	got := get(t, s, m.ID)
	same(t, "text", got.Text, "three")
	same(t, "former texts", got.Edits, []chat.Edit{{Text: "one", At: at}, {Text: "two", At: at.Add(time.Hour)}})
	_, _, err := s.Update(context.Background(), m.ID, c.EditText("bob", "mine now", at))
	is(t, "an edit by the other", err, chat.ErrNotAuthor)
}

func remove(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	m := add(t, s, "ann", "bob", "one")
	add(t, s, "ann", "bob", "two")
	_, err := s.Remove(ctx, m.ID, func(*chat.Message) error { return errRule })
	is(t, "a rule's error", err, errRule)
	_, err = s.Remove(ctx, m.ID, chat.MayDelete("bob"))
	is(t, "removed by the other", err, chat.ErrNotAuthor)
	same(t, "still there", get(t, s, m.ID), m)

	got, err := s.Remove(ctx, m.ID, chat.MayDelete("ann"))
	must(t, err)
	same(t, "as it was", got, m)
	_, err = s.Get(ctx, m.ID)
	is(t, "get", err, chat.ErrNotFound)
	_, err = s.Remove(ctx, m.ID, chat.MayDelete("ann"))
	is(t, "removed again", err, chat.ErrNotFound)
	_, _, err = s.Update(ctx, m.ID, chat.Toggle("bob", "👍"))
	is(t, "a reaction to it", err, chat.ErrNotFound)
	for _, user := range []string{"ann", "bob"} {
		peer := map[string]string{"ann": "bob", "bob": "ann"}[user]
		same(t, "history", texts(history(t, s, user, peer, "", 10)), []string{"two"})
	}
	list, _, err := s.Conversations(ctx, "bob", "", 10)
	must(t, err)
	same(t, "unread", list[0].Unread, 1)
	for _, id := range badIDs {
		_, err := s.Remove(ctx, id, func(*chat.Message) error { return nil })
		is(t, fmt.Sprintf("remove %q", id), err, chat.ErrNotFound)
	}
}

func removeOnce(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	m := add(t, stores[0], "ann", "bob", "x")
	var won atomic.Int32
	together(10, func(i int) {
		_, err := stores[i%2].Remove(context.Background(), m.ID, chat.MayDelete("ann"))
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, chat.ErrNotFound):
			t.Errorf("remove: %v", err)
		}
	})
	same(t, "removals", won.Load(), int32(1))
}

func hidden(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	var all []*chat.Message
	for i := range 4 {
		all = append(all, add(t, s, "ann", "bob", strconv.Itoa(i)))
	}
	change(t, s, all[3].ID, chat.HideFor("bob"))
	change(t, s, all[1].ID, chat.HideFor("bob"))
	same(t, "bob's history", texts(history(t, s, "bob", "ann", "", 10)), []string{"0", "2"})
	same(t, "a page of it", texts(history(t, s, "bob", "ann", "", 2)), []string{"0", "2"})
	same(t, "ann's history", texts(history(t, s, "ann", "bob", "", 10)), []string{"0", "1", "2", "3"})
	same(t, "hidden for", get(t, s, all[1].ID).HiddenFor, []string{"bob"})
	talk := func(user string) []chat.Conversation {
		list, _, err := s.Conversations(ctx, user, "", 10)
		must(t, err)
		return list
	}
	same(t, "bob's last and unread", talk("bob")[0].Last.Text+" "+strconv.Itoa(talk("bob")[0].Unread), "2 2")
	same(t, "ann's last", talk("ann")[0].Last.Text, "3")
	change(t, s, all[0].ID, chat.HideFor("bob"))
	change(t, s, all[2].ID, chat.HideFor("bob"))
	same(t, "bob's conversations, all hidden", len(talk("bob")), 0)
	same(t, "bob's history, all hidden", len(history(t, s, "bob", "ann", "", 10)), 0)
	same(t, "ann's conversations", len(talk("ann")), 1)
	change(t, s, all[0].ID, chat.HideFor("ann"))
	same(t, "ann's history", texts(history(t, s, "ann", "bob", "", 10)), []string{"1", "2", "3"})
}

func conversations(t *testing.T, w Open) {
	s := open(t, w)
	add(t, s, "ann", "bob", "to bob")
	add(t, s, "cat", "ann", "from cat")
	add(t, s, "cat", "ann", "from cat again")
	last := add(t, s, "bob", "ann", "from bob")
	add(t, s, "cat", "bob", "not ann's")
	list, next, err := s.Conversations(context.Background(), "ann", "", 10)
	must(t, err)
	same(t, "next", next, "")
	same(t, "conversations", len(list), 2)
	same(t, "the newest", list[0], chat.Conversation{Peer: "bob", Last: last, Unread: 1})
	same(t, "the other", list[1].Peer+", "+list[1].Last.Text+", "+strconv.Itoa(list[1].Unread), "cat, from cat again, 2")
	mark(t, s, "ann", last.ID, chat.Delivered)
	list, _, err = s.Conversations(context.Background(), "ann", "", 10)
	must(t, err)
	same(t, "delivered is unread", list[0].Unread, 1)
	_, err = s.MarkAll(context.Background(), "ann", "cat")
	must(t, err)
	mark(t, s, "ann", last.ID, chat.Seen)
	list, _, err = s.Conversations(context.Background(), "ann", "", 10)
	must(t, err)
	same(t, "all read", list[0].Unread+list[1].Unread, 0)
	list, next, err = s.Conversations(context.Background(), "nobody", "", 10)
	must(t, err)
	same(t, "of somebody new", len(list), 0)
	same(t, "and no more", next, "")
}

func conversationPages(t *testing.T, w Open) {
	s := open(t, w)
	var want []string
	for i := range 7 {
		peer := "p" + strconv.Itoa(i)
		add(t, s, peer, "ann", "x")
		want = append([]string{peer}, want...)
	}
	var got []string
	cursor := ""
	for range 10 {
		list, next, err := s.Conversations(context.Background(), "ann", cursor, 3)
		must(t, err)
		for _, c := range list {
			got = append(got, c.Peer)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	same(t, "pages", got, want)
	for _, bad := range badCursors {
		_, _, err := s.Conversations(context.Background(), "ann", bad, 3)
		is(t, fmt.Sprintf("cursor %q", bad), err, chat.ErrBadCursor)
	}
}

// badCursors are none of any store.
var badCursors = []string{"x", "-1", "' OR 1=1 --", "\x00", `{"$gt":""}`, "ＦＦ", "1:2:3:4:5:6", "99999999999999999999999999999999"}

func partners(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	for _, pair := range [][2]string{{"ann", "bob"}, {"cat", "ann"}, {"ann", "dan"}, {"bob", "cat"}, {"bob", "ann"}} {
		add(t, s, pair[0], pair[1], "x")
	}
	list, err := s.Partners(ctx, "ann", 10)
	must(t, err)
	same(t, "partners", list, []string{"bob", "dan", "cat"})
	list, err = s.Partners(ctx, "ann", 2)
	must(t, err)
	same(t, "the first two", list, []string{"bob", "dan"})
	list, err = s.Partners(ctx, "nobody", 2)
	must(t, err)
	same(t, "nobody's", len(list), 0)
}

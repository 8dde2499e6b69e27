package chattest

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// news is what happened to a user since the cursor, which moves on.
func news(t *testing.T, s chat.Store, user string, cursor *string) chat.Changes {
	t.Helper()
	c, err := s.Changes(context.Background(), user, *cursor, 100)
	must(t, err)
	same(t, "more", c.More, false)
	*cursor = c.Cursor
	return c
}

func journalTells(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	cursors := map[string]*string{"ann": new(string), "bob": new(string), "cat": new(string)}
	// both says what ann and bob are told; cat hears nothing.
	both := func(what string, check func(t *testing.T, c chat.Changes)) {
		t.Helper()
		for _, user := range []string{"ann", "bob"} {
			c := news(t, s, user, cursors[user])
			t.Run(what+" for "+user, func(t *testing.T) { check(t, c) })
			again := news(t, s, user, cursors[user])
			same(t, "told again", len(again.Messages)+len(again.Receipts)+len(again.Deleted), 0)
		}
		c := news(t, s, "cat", cursors["cat"])
		same(t, "told to cat", len(c.Messages)+len(c.Receipts)+len(c.Deleted), 0)
	}
	message := func(want *chat.Message) func(*testing.T, chat.Changes) {
		return func(t *testing.T, c chat.Changes) {
			same(t, "messages", c.Messages, []*chat.Message{want})
			same(t, "others", len(c.Receipts)+len(c.Deleted), 0)
		}
	}
	nothing := func(t *testing.T, c chat.Changes) {
		same(t, "told", len(c.Messages)+len(c.Receipts)+len(c.Deleted), 0)
	}
	both("nothing", nothing)
	m := add(t, s, "ann", "bob", "x")
	both("a new message", message(m))
	mark(t, s, "bob", m.ID, chat.Delivered)
	both("a status", func(t *testing.T, c chat.Changes) {
		same(t, "receipts", c.Receipts, []chat.Receipt{{MessageID: m.ID, Author: "ann", Reader: "bob", Status: chat.Delivered}})
		same(t, "others", len(c.Messages)+len(c.Deleted), 0)
	})
	mark(t, s, "bob", m.ID, chat.Delivered)
	both("the same status", nothing)
	both("a reaction", message(change(t, s, m.ID, chat.Toggle("bob", "👍"))))
	mark(t, s, "bob", m.ID, chat.Seen)
	both("a reaction and a status", message(change(t, s, m.ID, chat.Toggle("ann", "❤️"))))
	_, _, err := s.Update(ctx, m.ID, func(*chat.Message) (bool, error) { return false, nil })
	must(t, err)
	both("no change", nothing)
	n := add(t, s, "bob", "ann", "y")
	mark(t, s, "ann", n.ID, chat.Seen)
	both("a new message that is seen", message(get(t, s, n.ID)))
	_, err = s.Remove(ctx, n.ID, chat.MayDelete("bob"))
	must(t, err)
	both("a deletion", func(t *testing.T, c chat.Changes) {
		same(t, "deleted", c.Deleted, []string{n.ID})
		same(t, "others", len(c.Messages)+len(c.Receipts), 0)
	})
}

func journalAllSeen(t *testing.T, w Open) {
	s := open(t, w)
	var last *chat.Message
	for i := range 10 {
		last = add(t, s, "ann", "bob", strconv.Itoa(i))
	}
	cursors := map[string]*string{"ann": new(string), "bob": new(string)}
	for user, cursor := range cursors {
		same(t, "messages", len(news(t, s, user, cursor).Messages), 10)
	}
	n, err := s.MarkAll(context.Background(), "bob", "ann")
	must(t, err)
	same(t, "seen", n, 10)
	for user, cursor := range cursors {
		c := news(t, s, user, cursor)
		same(t, "changes", len(c.Messages)+len(c.Deleted)+len(c.Receipts), 1)
		r := c.Receipts[0]
		if r.Until.Before(last.Created) {
			t.Errorf("seen until %v, the last is of %v", r.Until, last.Created)
		}
		r.Until = last.Created
		same(t, "receipt", r, chat.Receipt{Author: "ann", Reader: "bob", Status: chat.Seen, Until: last.Created})
	}
	_, err = s.MarkAll(context.Background(), "bob", "ann")
	must(t, err)
	for user, cursor := range cursors {
		same(t, "told when nothing was unseen", len(news(t, s, user, cursor).Receipts), 0)
	}
}

// A message that comes right after "all seen", in the same millisecond, is not
// taken for seen.
func seenUntil(t *testing.T, w Open) {
	s := open(t, w)
	d := newDevice("ann")
	var ids []string
	for i := range 20 {
		ids = append(ids, add(t, s, "ann", "bob", "a"+strconv.Itoa(i)).ID)
		_, err := s.MarkAll(context.Background(), "bob", "ann")
		must(t, err)
		ids = append(ids, add(t, s, "ann", "bob", "b"+strconv.Itoa(i)).ID)
		must(t, d.drain(s, 100))
		must(t, d.agrees(s, ids))
	}
}

func journalDeleted(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	ann, bob := new(string), new(string)
	m := add(t, s, "ann", "bob", "x")
	news(t, s, "ann", ann)
	news(t, s, "bob", bob)
	change(t, s, m.ID, chat.HideFor("bob"))
	same(t, "told to ann when bob hid it", news(t, s, "ann", ann).Deleted, []string(nil))
	same(t, "told to bob", news(t, s, "bob", bob).Deleted, []string{m.ID})
	// What happens to it afterwards is ann's alone.
	change(t, s, m.ID, chat.Toggle("ann", "👍"))
	c := news(t, s, "bob", bob)
	same(t, "told to bob of a reaction", len(c.Messages)+len(c.Receipts)+len(c.Deleted), 0)
	same(t, "told to ann", len(news(t, s, "ann", ann).Messages), 1)
	_, err := s.Remove(ctx, m.ID, chat.MayDelete("ann"))
	must(t, err)
	same(t, "told to ann when it was removed", news(t, s, "ann", ann).Deleted, []string{m.ID})
}

// A message that changes while its reader is between two pages moves on in the
// journal; it must come whole then, not as a receipt of something unknown.
func contentFirst(t *testing.T, w Open) {
	s := open(t, w)
	var ids []string
	for i := range 6 {
		ids = append(ids, add(t, s, "ann", "bob", strconv.Itoa(i)).ID)
	}
	for _, user := range []string{"ann", "bob"} {
		d := newDevice(user)
		more, err := d.page(s, 2, false)
		must(t, err)
		same(t, "more", more, true)
		to := map[string]chat.Status{"ann": chat.Delivered, "bob": chat.Seen}[user]
		mark(t, s, "bob", ids[1], to)
		mark(t, s, "bob", ids[3], to)
		must(t, d.drain(s, 1))
		must(t, d.agrees(s, ids))
		mark(t, s, "bob", ids[4], to) // and a receipt once it is known
		must(t, d.drain(s, 1))
		must(t, d.agrees(s, ids))
	}
}

func journalPages(t *testing.T, w Open) {
	s := open(t, w)
	var want []string
	for i := range 11 {
		add(t, s, "ann", "bob", strconv.Itoa(i))
		want = append(want, strconv.Itoa(i))
	}
	for _, limit := range []int{1, 2, 3, 10, 11, 12} {
		var got []string
		cursor, pages := "", 0
		for more := true; more; pages++ {
			c, err := s.Changes(context.Background(), "bob", cursor, limit)
			must(t, err)
			got, cursor, more = append(got, texts(c.Messages)...), c.Cursor, c.More
		}
		same(t, fmt.Sprintf("in pages of %d", limit), got, want)
		same(t, "pages", pages, (11+limit-1)/limit)
	}
}

func journalHead(t *testing.T, w Open) {
	s := open(t, w)
	head := func(user string) string {
		c, err := s.Head(context.Background(), user)
		must(t, err)
		return c
	}
	fresh := head("ann") // of somebody of whom nothing is known
	add(t, s, "ann", "bob", "one")
	same(t, "since then", texts(news(t, s, "ann", &fresh).Messages), []string{"one"})
	now := head("ann")
	c := news(t, s, "ann", &now)
	same(t, "after the head", len(c.Messages), 0)
	add(t, s, "bob", "ann", "two")
	same(t, "since then", texts(news(t, s, "ann", &now).Messages), []string{"two"})
}

func journalCursors(t *testing.T, w Open) {
	s := open(t, w)
	add(t, s, "ann", "bob", "x")
	for _, bad := range badCursors {
		_, err := s.Changes(context.Background(), "ann", bad, 10)
		is(t, fmt.Sprintf("since %q", bad), err, chat.ErrBadCursor)
	}
}

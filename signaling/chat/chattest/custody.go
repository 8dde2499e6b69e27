package chattest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func export(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	var want []string
	for i := range 300 {
		pair := [][2]string{{"ann", "bob"}, {"cat", "ann"}, {"ann", "cat"}, {"bob", "cat"}}[i%4]
		m := add(t, s, pair[0], pair[1], strconv.Itoa(i))
		if i%4 == 3 {
			continue // not ann's
		}
		want = append(want, m.Text)
		if i == 100 {
			change(t, s, m.ID, chat.HideFor("ann")) // it is kept, so it is told
			change(t, s, m.ID, chat.Toggle("bob", "👍"))
		}
	}
	var got []*chat.Message
	must(t, s.Export(ctx, "ann", func(m *chat.Message) error {
		got = append(got, m)
		return nil
	}))
	same(t, "exported", texts(got), want)
	for _, m := range got {
		if m.Text == "100" {
			same(t, "whole", m, get(t, s, m.ID))
		}
	}
	n := 0
	err := s.Export(ctx, "ann", func(*chat.Message) error {
		if n++; n == 3 {
			return errRule
		}
		return nil
	})
	is(t, "the caller's error", err, errRule)
	same(t, "calls until then", n, 3)
	must(t, s.Export(ctx, "nobody", func(*chat.Message) error { return errRule }))
}

func erase(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	bob, cat := newDevice("bob"), newDevice("cat")
	var theirs, others []string
	for i := range 30 {
		theirs = append(theirs, add(t, s, "ann", "bob", strconv.Itoa(i)).ID, add(t, s, "bob", "ann", strconv.Itoa(i)).ID)
	}
	theirs = append(theirs, add(t, s, "ann", "cat", "x").ID)
	others = append(others, add(t, s, "bob", "cat", "y").ID)
	change(t, s, theirs[1], chat.Toggle("ann", "👍"))
	for i, caller := range []string{"ann", "cat"} {
		logCall(t, s, missed(i, caller))
	}
	must(t, s.Block(ctx, "ann", "cat"))
	must(t, s.Block(ctx, "bob", "cat"))
	must(t, bob.drain(s, 10))
	must(t, cat.drain(s, 10))

	must(t, s.Erase(ctx, "ann"))
	for _, id := range theirs {
		_, err := s.Get(ctx, id)
		is(t, "get", err, chat.ErrNotFound)
	}
	same(t, "ann's history", len(history(t, s, "ann", "bob", "", 10)), 0)
	same(t, "bob's history", len(history(t, s, "bob", "ann", "", 10)), 0)
	for user, want := range map[string]int{"ann": 0, "bob": 1, "cat": 1} {
		list, _, err := s.Conversations(ctx, user, "", 10)
		must(t, err)
		same(t, "conversations of "+user, len(list), want)
		peers, err := s.Partners(ctx, user, 10)
		must(t, err)
		same(t, "partners of "+user, len(peers), want)
	}
	same(t, "ann's calls", len(calls(t, s, "ann")), 0)
	same(t, "bob's calls", len(calls(t, s, "bob")), 1)
	same(t, "bob's missed calls", missedCount(t, s, "bob"), 1)
	list, err := s.Blocked(ctx, "ann")
	must(t, err)
	same(t, "whom ann has blocked", len(list), 0)
	list, err = s.Blocked(ctx, "bob")
	must(t, err)
	same(t, "whom bob has blocked", list, []string{"cat"})
	c, err := s.Changes(ctx, "ann", "", 100)
	must(t, err)
	same(t, "ann's journal", len(c.Messages)+len(c.Receipts)+len(c.Deleted), 0)
	// The others' devices hear that it is gone.
	for _, d := range []*device{bob, cat} {
		must(t, d.drain(s, 7))
		must(t, d.agrees(s, append(theirs, others...)))
		same(t, "messages left to "+d.user, len(d.msgs), 1)
	}
	must(t, s.Erase(ctx, "ann"))
	add(t, s, "ann", "bob", "anew")
	same(t, "who comes back starts anew", texts(history(t, s, "bob", "ann", "", 10)), []string{"anew"})
}

func expire(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	var old, kept []string
	for i := range 5 {
		old = append(old, add(t, s, "ann", "bob", strconv.Itoa(i)).ID)
	}
	cut := get(t, s, old[4]).Created.Add(time.Millisecond)
	for deadline := time.Now().Add(10 * time.Second); ; { // until one is of a later millisecond
		m := add(t, s, "ann", "bob", "later")
		if m.Created.Before(cut) {
			old = append(old, m.ID)
		} else if kept = append(kept, m.ID); len(kept) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the store's clock stands still")
		}
	}
	logCall(t, s, missed(0, "ann"))
	future := missed(1, "ann")
	future.ID, future.Started, future.Ended = "future", cut.Add(time.Hour), cut.Add(2*time.Hour)
	logCall(t, s, future)

	total := 0
	for range 1000 {
		n, err := s.Expire(ctx, cut)
		must(t, err)
		if total += n; n == 0 {
			break
		}
	}
	same(t, "expired", total, len(old)+1)
	for _, id := range old {
		_, err := s.Get(ctx, id)
		is(t, "get", err, chat.ErrNotFound)
	}
	got := history(t, s, "bob", "ann", "", 100)
	same(t, "history", len(got), len(kept))
	list := calls(t, s, "bob")
	same(t, "calls", len(list), 1)
	same(t, "the call left", list[0].ID, "future")
	d := newDevice("bob")
	must(t, d.drain(s, 10))
	must(t, d.agrees(s, append(old, kept...)))
}

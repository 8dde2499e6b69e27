package chattest

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func statusOnlyRises(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	for _, steps := range [][]struct {
		to   chat.Status
		rose bool
		now  chat.Status
	}{
		{{chat.Sent, false, chat.Sent}, {chat.Delivered, true, chat.Delivered}, {chat.Delivered, false, chat.Delivered},
			{chat.Sent, false, chat.Delivered}, {chat.Seen, true, chat.Seen}, {chat.Delivered, false, chat.Seen}, {chat.Seen, false, chat.Seen}},
		{{chat.Seen, true, chat.Seen}, {chat.Delivered, false, chat.Seen}, {chat.Sent, false, chat.Seen}},
	} {
		m := add(t, s, "ann", "bob", "x")
		for _, step := range steps {
			got, rose, err := s.Mark(ctx, "bob", m.ID, step.to)
			must(t, err)
			same(t, "rose to "+step.to.String(), rose, step.rose)
			same(t, "status", got.Status, step.now)
			same(t, "stored", get(t, s, m.ID), got)
		}
	}
}

func onlyTheReceiverMarks(t *testing.T, w Open) {
	s := open(t, w)
	m := add(t, s, "ann", "bob", "x")
	for _, reader := range []string{"ann", "cat", ""} {
		_, rose, err := s.Mark(context.Background(), reader, m.ID, chat.Seen)
		is(t, "marked by "+reader, err, chat.ErrNotFound)
		same(t, "rose", rose, false)
	}
	for _, id := range badIDs {
		_, _, err := s.Mark(context.Background(), "bob", id, chat.Seen)
		is(t, fmt.Sprintf("mark %q", id), err, chat.ErrNotFound)
	}
	same(t, "status", get(t, s, m.ID).Status, chat.Sent)
}

func eachRiseOnce(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	m := add(t, stores[0], "ann", "bob", "x")
	for _, to := range []chat.Status{chat.Delivered, chat.Seen} {
		var rises atomic.Int32
		together(12, func(i int) {
			_, rose, err := stores[i%2].Mark(context.Background(), "bob", m.ID, to)
			if err != nil {
				t.Errorf("mark: %v", err)
			}
			if rose {
				rises.Add(1)
			}
		})
		same(t, "rises to "+to.String(), rises.Load(), int32(1))
	}
}

func markAll(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	var theirs []*chat.Message
	for i := range 6 {
		theirs = append(theirs, add(t, s, "ann", "bob", strconv.Itoa(i)))
	}
	mark(t, s, "bob", theirs[0].ID, chat.Seen)
	mark(t, s, "bob", theirs[1].ID, chat.Delivered)
	others := []*chat.Message{add(t, s, "bob", "ann", "back"), add(t, s, "cat", "bob", "cat's"), add(t, s, "ann", "cat", "to cat")}
	all := func(author string) int {
		n, err := s.MarkAll(ctx, "bob", author)
		must(t, err)
		return n
	}
	same(t, "seen at once", all("ann"), 5)
	same(t, "seen a second time", all("ann"), 0)
	same(t, "with a stranger", all("dan"), 0)
	for _, m := range theirs {
		same(t, "status", get(t, s, m.ID).Status, chat.Seen)
	}
	for _, m := range others {
		same(t, "status of another's", get(t, s, m.ID).Status, chat.Sent)
	}
	add(t, s, "ann", "bob", "later")
	same(t, "what came after", all("ann"), 1)
}

func markDelivered(t *testing.T, w Open) {
	s := open(t, w)
	var ids []string
	for i := range 5 {
		ids = append(ids, add(t, s, "ann", "bob", strconv.Itoa(i)).ID)
	}
	mark(t, s, "bob", ids[1], chat.Delivered)
	mark(t, s, "bob", ids[2], chat.Seen)
	back := add(t, s, "bob", "ann", "back").ID
	d := newDevice("ann")
	must(t, d.drain(s, 10))

	list := append([]string{ids[4], back, ids[0]}, badIDs...)
	rose, err := s.MarkDelivered(context.Background(), "bob", append(list, ids[1], ids[2], ids[3], ids[4]))
	must(t, err)
	same(t, "those that rose", texts(rose), []string{"4", "0", "3"})
	for _, m := range rose {
		same(t, "as stored", m, get(t, s, m.ID))
		same(t, "status", m.Status, chat.Delivered)
	}
	same(t, "what was seen", get(t, s, ids[2]).Status, chat.Seen)
	same(t, "what bob wrote", get(t, s, back).Status, chat.Sent)
	must(t, d.drain(s, 2))
	must(t, d.agrees(s, append(ids, back)))
	rose, err = s.MarkDelivered(context.Background(), "bob", ids)
	must(t, err)
	same(t, "those that rose again", len(rose), 0)
	rose, err = s.MarkDelivered(context.Background(), "bob", nil)
	must(t, err)
	same(t, "of none", len(rose), 0)
}

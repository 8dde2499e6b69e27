package chattest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

var hex24 = regexp.MustCompile(`^[0-9a-f]{24}$`)

func addFillsIn(t *testing.T, w Open) {
	s := open(t, w)
	from := time.Now().Add(-time.Second)
	m, created, err := s.Add(context.Background(), chat.Message{
		ID: "mine", Status: chat.Seen, Created: time.Unix(1, 0), Updated: time.Unix(2, 0),
		Sender: "ann", Receiver: "bob", Text: "hi",
	})
	must(t, err)
	same(t, "created", created, true)
	if !hex24.MatchString(m.ID) {
		t.Errorf("id %q is not 24 hex digits", m.ID)
	}
	same(t, "status", m.Status, chat.Sent)
	if m.Created.Before(from) || m.Created.After(time.Now().Add(time.Second)) || m.Created.Location() != time.UTC ||
		!m.Created.Equal(m.Created.Truncate(time.Millisecond)) {
		t.Errorf("created at %v", m.Created)
	}
	same(t, "updated", m.Updated, m.Created)
	same(t, "as stored", get(t, s, m.ID), m)
}

func everyFieldIsKept(t *testing.T, w Open) {
	s := open(t, w)
	first := add(t, s, "bob", "ann", "question")
	m, _, err := s.Add(context.Background(), chat.Message{
		Sender: "ann", Receiver: "bob", Text: "answer", Media: "https://cdn.example/a.png?b=c#d",
		ReplyTo: &chat.Reply{MessageID: first.ID, Text: "question"}, ClientID: "c1",
	})
	must(t, err)
	want := &chat.Message{
		ID: m.ID, Sender: "ann", Receiver: "bob", Text: "answer", Media: "https://cdn.example/a.png?b=c#d",
		ReplyTo: &chat.Reply{MessageID: first.ID, Text: "question"}, ClientID: "c1", Created: m.Created, Updated: m.Created,
	}
	same(t, "answered", m, want)
	same(t, "stored", get(t, s, m.ID), want)
	same(t, "in the history", history(t, s, "bob", "ann", "", 10)[1], want)
}

func clientIDIsIdempotent(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	m, created, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "one", ClientID: "x"})
	must(t, err)
	same(t, "created", created, true)
	mark(t, s, "bob", m.ID, chat.Delivered)
	again, created, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "cat", Text: "two", ClientID: "x"})
	must(t, err)
	same(t, "created again", created, false)
	same(t, "what a second send gives", again, get(t, s, m.ID))
	same(t, "its status", again.Status, chat.Delivered)
	same(t, "messages to cat", len(history(t, s, "ann", "cat", "", 10)), 0)
	was, err := s.Sent(ctx, "ann", "x")
	must(t, err)
	same(t, "what was sent under that name", was, again)
	for _, of := range [][2]string{{"bob", "x"}, {"ann", "y"}} {
		if _, err := s.Sent(ctx, of[0], of[1]); !errors.Is(err, chat.ErrNotFound) {
			t.Errorf("%s's %s, of which there is none: %v", of[0], of[1], err)
		}
	}

	other, created, err := s.Add(ctx, chat.Message{Sender: "bob", Receiver: "ann", Text: "three", ClientID: "x"})
	must(t, err)
	if !created || other.ID == m.ID {
		t.Error("another sender's name for a message was taken for ann's")
	}
	for range 2 { // without one, each is a message
		add(t, s, "ann", "bob", "four")
	}
	same(t, "history", texts(history(t, s, "bob", "ann", "", 10)), []string{"one", "three", "four", "four"})
}

func addMany(t *testing.T, w Open) {
	s := open(t, w)
	ctx := context.Background()
	was, _, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "before", ClientID: "0"})
	must(t, err)
	added := s.AddMany(ctx, []chat.Message{
		{Sender: "ann", Receiver: "bob", Text: "one", ClientID: "1"},
		{Sender: "ann", Receiver: "cat", Text: "two"},
		{Sender: "ann", Receiver: "bob", Text: "again", ClientID: "0"},
		{Sender: "ann", Receiver: "bob", Text: "three", HiddenFor: []string{"bob"}},
		{Sender: "ann", Receiver: "bob", Text: "one more time", ClientID: "1"},
	})
	same(t, "added", len(added), 5)
	for i, a := range added {
		must(t, a.Err)
		same(t, fmt.Sprintf("created %d", i), a.Created, i != 2 && i != 4)
		same(t, "as stored", get(t, s, a.Message.ID), a.Message)
	}
	same(t, "what was sent before", added[2].Message, was)
	same(t, "what is in the list already", added[4].Message.ID, added[0].Message.ID)
	same(t, "ann's history", texts(history(t, s, "ann", "bob", "", 10)), []string{"before", "one", "three"})
	same(t, "bob's history", texts(history(t, s, "bob", "ann", "", 10)), []string{"before", "one"})
	same(t, "cat's history", texts(history(t, s, "cat", "ann", "", 10)), []string{"two"})
	same(t, "none", len(s.AddMany(ctx, nil)), 0)
}

func concurrentClientID(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	for round := range 5 {
		name := strconv.Itoa(round)
		ids, news := make([]string, 16), make([]bool, 16)
		together(len(ids), func(i int) {
			m, created, err := stores[i%2].Add(context.Background(), chat.Message{
				Sender: "ann", Receiver: "bob", Text: name, ClientID: name,
			})
			if err != nil {
				t.Errorf("add: %v", err)
				return
			}
			ids[i], news[i] = m.ID, created
		})
		if t.Failed() {
			return
		}
		slices.Sort(ids)
		same(t, "different messages", len(slices.Compact(ids)), 1)
		same(t, "times that it was created", len(slices.DeleteFunc(news, func(b bool) bool { return !b })), 1)
	}
	same(t, "history", texts(history(t, stores[0], "bob", "ann", "", 50)), []string{"0", "1", "2", "3", "4"})
}

func reopened(t *testing.T, w Open) {
	s := w()
	m := add(t, s, "ann", "bob", "kept")
	change(t, s, m.ID, chat.Toggle("bob", "👍"))
	mark(t, s, "bob", m.ID, chat.Seen)
	want := get(t, s, m.ID)
	must(t, s.Close())
	same(t, "after reopening", get(t, open(t, w), m.ID), want)
}

func ackedWhileClosing(t *testing.T, w Open) {
	s := w()
	var mu sync.Mutex
	acked := map[string]string{}
	started := make(chan struct{}, 64)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				text := fmt.Sprint(i, " ", n)
				m, _, err := s.Add(context.Background(), chat.Message{Sender: "ann", Receiver: "bob", Text: text})
				if err != nil {
					if !errors.Is(err, chat.ErrUnavailable) {
						t.Errorf("a send while closing: %v", err)
					}
					return
				}
				mu.Lock()
				acked[m.ID] = text
				mu.Unlock()
				select {
				case started <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 32 {
		<-started
	}
	must(t, s.Close())
	wg.Wait()
	again := open(t, w)
	for id, text := range acked {
		same(t, "acked", get(t, again, id).Text, text)
	}
	same(t, "messages", len(history(t, again, "ann", "bob", "", 1<<20)), len(acked))
}

func historyPages(t *testing.T, w Open) {
	s := open(t, w)
	var want []string
	for i := range 25 {
		from, to := "ann", "bob"
		if i%3 == 0 {
			from, to = to, from
		}
		add(t, s, from, to, strconv.Itoa(i))
		want = append(want, strconv.Itoa(i))
	}
	add(t, s, "ann", "cat", "for cat")
	add(t, s, "cat", "bob", "from cat")
	same(t, "all", texts(history(t, s, "ann", "bob", "", 100)), want)
	same(t, "the other way round", texts(history(t, s, "bob", "ann", "", 100)), want)
	same(t, "the newest", texts(history(t, s, "ann", "bob", "", 3)), want[22:])
	var got []string
	before := ""
	for range 4 {
		page := history(t, s, "bob", "ann", before, 10)
		if len(page) == 0 {
			break
		}
		got, before = append(texts(page), got...), page[0].ID
	}
	same(t, "pages", got, want)
	same(t, "before the first", len(history(t, s, "ann", "bob", before, 10)), 0)
	same(t, "with nobody", len(history(t, s, "ann", "dan", "", 10)), 0)
}

// However many send at once, a conversation has one order, for both.
func historyConcurrent(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	together(8, func(i int) {
		from, to := "ann", "bob"
		if i%2 == 0 {
			from, to = to, from
		}
		for n := range 10 {
			if _, _, err := stores[i%2].Add(context.Background(), chat.Message{Sender: from, Receiver: to, Text: fmt.Sprint(i, " ", n)}); err != nil {
				t.Errorf("add: %v", err)
			}
		}
	})
	all := history(t, stores[0], "ann", "bob", "", 1000)
	same(t, "messages", len(all), 80)
	same(t, "as the other sees it", texts(history(t, stores[1], "bob", "ann", "", 1000)), texts(all))
	next := make([]int, 8)
	for i, m := range all {
		var who, n int
		_, err := fmt.Sscan(m.Text, &who, &n)
		must(t, err)
		same(t, "order of one sender", n, next[who])
		next[who]++
		if i > 0 && m.Created.Before(all[i-1].Created) {
			t.Errorf("%v stands after %v", m.Created, all[i-1].Created)
		}
	}
	var paged []string
	before := ""
	for len(paged) < len(all) {
		page := history(t, stores[1], "ann", "bob", before, 7)
		if len(page) == 0 {
			break
		}
		paged, before = append(texts(page), paged...), page[0].ID
	}
	same(t, "pages", paged, texts(all))
}

func historyCursors(t *testing.T, w Open) {
	s := open(t, w)
	add(t, s, "ann", "bob", "theirs")
	foreign := add(t, s, "ann", "cat", "another pair's")
	for _, before := range append(badIDs, foreign.ID) {
		_, err := s.History(context.Background(), "ann", "bob", before, 10)
		is(t, fmt.Sprintf("before %q", before), err, chat.ErrBadCursor)
	}
	for _, id := range badIDs {
		_, err := s.Get(context.Background(), id)
		is(t, fmt.Sprintf("get %q", id), err, chat.ErrNotFound)
	}
}

// badIDs name no message.
var badIDs = []string{
	"000000000000000000000000", "ffffffffffffffffffffffff", "x", "00000000000000000000000", "0000000000000000000000000",
	"' OR 1=1 --", `{"$ne":null}`, "\x00", "zzzzzzzzzzzzzzzzzzzzzzzz", "ＦＦ",
}

package chattest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// countsAgree does what people do, at random and on two nodes, and compares what
// the store counts and how far it says that messages have come with a model that
// knows every message (M2).
func countsAgree(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		c := &countWorld{stores: stores}
		for i := range 2 {
			c.users = append(c.users, fmt.Sprintf("c%d-%d", round, i))
		}
		for _, st := range rapid.SliceOfN(rapid.Custom(drawCount), 10, 30).Draw(r, "steps") {
			if err := c.step(st); err != nil {
				r.Fatalf("%+v: %v", st, err)
			}
		}
		for _, user := range c.users {
			if err := c.check(stores[round%2], user); err != nil {
				r.Fatal(err)
			}
		}
	})
}

type countStep struct {
	what, node, from, to, pick int
}

func drawCount(r *rapid.T) countStep {
	return countStep{
		what: rapid.IntRange(0, 19).Draw(r, "what"),
		node: rapid.IntRange(0, 1).Draw(r, "node"),
		from: rapid.IntRange(0, 1).Draw(r, "from"), // with oneself too
		to:   rapid.IntRange(0, 1).Draw(r, "to"),
		pick: rapid.IntRange(0, 99).Draw(r, "pick"),
	}
}

type countWorld struct {
	stores []chat.Store
	users  []string
	kept   []*chat.Message // in the order in which they were sent
	serial int
}

// step does one thing, to the store and to the model.
func (c *countWorld) step(st countStep) error {
	ctx, s := context.Background(), c.stores[st.node]
	from, to := c.users[st.from], c.users[st.to]
	if len(c.kept) == 0 || st.what < 7 {
		return c.add(s, from, to, st)
	}
	m := c.kept[st.pick%len(c.kept)]
	switch st.what {
	case 7:
		var want []string
		for _, o := range c.kept {
			if o.Receiver == m.Receiver && o.Status == chat.Sent {
				want = append(want, o.ID)
				o.Status = chat.Delivered
			}
		}
		rose, err := s.MarkDelivered(ctx, m.Receiver, want)
		if err == nil && len(rose) != len(want) {
			err = fmt.Errorf("%d of %d were delivered", len(rose), len(want))
		}
		return err
	case 8, 9, 10:
		status := []chat.Status{chat.Delivered, chat.Seen}[st.what%2]
		_, rose, err := s.Mark(ctx, m.Receiver, m.ID, status)
		if rose != (m.Status < status) {
			return fmt.Errorf("%s was %v and rose to %v: %v", m.Text, m.Status, status, rose)
		}
		m.Status = max(m.Status, status)
		return err
	case 11, 12:
		want := 0
		for _, o := range c.kept {
			if o.Sender == m.Sender && o.Receiver == m.Receiver && o.Status < chat.Seen {
				want++
				o.Status = chat.Seen
			}
		}
		n, err := s.MarkAll(ctx, m.Receiver, m.Sender)
		if err == nil && n != want {
			err = fmt.Errorf("%d rose, not %d", n, want)
		}
		return err
	case 13, 14:
		user := []string{m.Sender, m.Receiver}[st.what%2]
		_, _, err := s.Update(ctx, m.ID, chat.HideFor(user))
		if !m.HiddenFrom(user) {
			m.HiddenFor = append(m.HiddenFor, user)
		}
		return err
	case 15:
		c.serial++
		_, _, err := s.Update(ctx, m.ID, func(m *chat.Message) (bool, error) {
			m.Text = fmt.Sprint("edited ", c.serial)
			return true, nil
		})
		return err
	case 16, 17:
		_, err := s.Remove(ctx, m.ID, chat.MayDelete(m.Sender))
		c.forget(func(o *chat.Message) bool { return o == m })
		return err
	case 18:
		for n := 1; n > 0; {
			var err error
			if n, err = s.Expire(ctx, m.Created); err != nil {
				return err
			}
		}
		c.forget(func(o *chat.Message) bool { return o.Created.Before(m.Created) })
		return nil
	default:
		c.forget(func(o *chat.Message) bool { return o.Party(from) })
		return s.Erase(ctx, from)
	}
}

// add sends: now and then what was sent before, and what its receiver never sees.
func (c *countWorld) add(s chat.Store, from, to string, st countStep) error {
	c.serial++
	m := chat.Message{Sender: from, Receiver: to, Text: strconv.Itoa(c.serial)}
	if st.pick%3 == 0 {
		m.ClientID = strconv.Itoa(st.pick % 4)
	}
	if st.pick%5 == 0 && from != to {
		m.HiddenFor = []string{to}
	}
	got, created, err := s.Add(context.Background(), m)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.kept, func(o *chat.Message) bool {
		return m.ClientID != "" && o.ClientID == m.ClientID && o.Sender == from
	})
	switch {
	case created != (i < 0):
		return fmt.Errorf("sent before: %v, created: %v", i >= 0, created)
	case created:
		c.kept = append(c.kept, got.Clone())
	case got.ID != c.kept[i].ID || got.Status != c.kept[i].Status:
		return fmt.Errorf("a second send gives %+v, not %+v", got, c.kept[i])
	}
	return nil
}

func (c *countWorld) forget(gone func(*chat.Message) bool) { c.kept = slices.DeleteFunc(c.kept, gone) }

// check compares what a user is shown.
func (c *countWorld) check(s chat.Store, user string) error {
	ctx := context.Background()
	want := map[string]chat.Conversation{}
	for _, m := range c.kept {
		now, err := s.Get(ctx, m.ID)
		if err != nil || now.Status != m.Status {
			return fmt.Errorf("message %s of %v is %v: %w", m.ID, m.Status, now, err)
		}
		if !m.Party(user) || m.HiddenFrom(user) {
			continue
		}
		talk := want[m.Peer(user)]
		talk.Peer, talk.Last = m.Peer(user), now
		if m.Receiver == user && m.Status < chat.Seen {
			talk.Unread++
		}
		want[talk.Peer] = talk
	}
	list, _, err := s.Conversations(ctx, user, "", 10)
	if err != nil {
		return err
	}
	for _, talk := range list {
		w := want[talk.Peer]
		if w.Last == nil || w.Last.ID != talk.Last.ID || w.Last.Status != talk.Last.Status || w.Unread != talk.Unread {
			return fmt.Errorf("%s has %d unread of %s, last %+v; it should be %d, %+v", user, talk.Unread, talk.Peer, talk.Last, w.Unread, w.Last)
		}
	}
	if len(list) != len(want) {
		return fmt.Errorf("%s has %d conversations, not %d", user, len(list), len(want))
	}
	return nil
}

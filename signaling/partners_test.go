package signaling

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// allLists are the online lists that a device got.
func (c *client) allLists() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.received {
		if ev.Name == wire.GetOnlineUsers {
			all = append(all, string(ev.Args))
		}
	}
	return all
}

func (c *client) listed(want string) bool {
	all := c.allLists()
	return len(all) > 0 && all[len(all)-1] == want
}

// TestP4_PartnersOfOld: on a large site a client that connects, also to a server
// that has just been started, hears of those with whom its user has messages.
func TestP4_PartnersOfOld(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			store := openChat(t)
			for _, pair := range [][2]string{{"a", "b"}, {"c", "a"}, {"c", "d"}, {"a", "gone"}} {
				if _, _, err := store.Add(t.Context(), chat.Message{Sender: pair[0], Receiver: pair[1], Text: "of old"}); err != nil {
					t.Fatal(err)
				}
			}
			w := newWorldOf(t, nodes, func(s *setup) { s.chat, s.PresenceLimit, s.PresenceInterval = store, 2, 10*time.Millisecond })
			b, c, d := w.join("b1"), w.join("c1"), w.join("D1")
			a := w.join("a1")
			until(t, "a hears of its partners", func() bool { return a.listed(`["b","c"]`) })
			until(t, "b hears of a", func() bool { return b.listed(`["a"]`) })
			until(t, "c hears of both", func() bool { return c.listed(`["a","d"]`) })
			until(t, "d hears of c", func() bool { return d.listed(`["c"]`) })

			// Whoever gets a message over REST is a partner from then on.
			if _, deliver, err := w.sw.SendMessage(t.Context(), &auth.Identity{User: "b"}, chat.Draft{To: "d", Text: "new"}); err != nil {
				t.Fatal(err)
			} else {
				deliver()
			}
			a.sess.Closed(true)
			until(t, "d hears of b too", func() bool { return d.listed(`["b","c"]`) })
		})
	}
}

// TestP4_PartnersAreBounded: the newest stay.
func TestP4_PartnersAreBounded(t *testing.T) {
	s := &Session{}
	var old []string
	for i := range maxPartners {
		old = append(old, fmt.Sprint("old", i)) // the latest first
	}
	s.met("new1")
	s.met("old3")
	all, _ := s.metBefore(old)
	if len(all) != maxPartners || all[0] != fmt.Sprint("old", maxPartners-2) || strings.Join(all[maxPartners-3:], " ") != "old0 new1 old3" {
		t.Fatalf("%v", all)
	}
	if slices.Contains(all[:maxPartners-1], "old3") {
		t.Fatal("twice")
	}
	s.met("new2")
	if all, _ := s.metBefore(old); len(all) != maxPartners || all[maxPartners-1] != "new2" {
		t.Fatalf("%v", all)
	}
}

// slowRecall keeps what is found of the partners of b until it is let go.
type slowRecall struct {
	presence.Store
	found, release chan struct{}
	once           sync.Once
}

func (r *slowRecall) States(ctx context.Context, users []string) ([]presence.State, error) {
	list, err := r.Store.States(ctx, users)
	// Nobody but a recall gives the store a time.
	if _, timed := ctx.Deadline(); timed && slices.Equal(users, []string{"a"}) {
		r.once.Do(func() {
			close(r.found)
			<-r.release
		})
	}
	return list, err
}

// TestP4_OlderListsStayBehind: a list that was made of what was so before does not
// take the place of a newer one.
func TestP4_OlderListsStayBehind(t *testing.T) {
	store := openChat(t)
	if _, _, err := store.Add(t.Context(), chat.Message{Sender: "a", Receiver: "b", Text: "of old"}); err != nil {
		t.Fatal(err)
	}
	slow := &slowRecall{found: make(chan struct{}), release: make(chan struct{})}
	w := newWorldOf(t, 1, func(s *setup) {
		s.chat, s.PresenceLimit, s.PresenceInterval = store, 1, 10*time.Millisecond
		s.wrap = func(st presence.Store) presence.Store {
			slow.Store = st
			return slow
		}
	})
	b := w.join("b1")
	w.join("c1")
	<-slow.found // a is offline
	w.join("a1")
	until(t, "b hears of a", func() bool { return b.listed(`["a"]`) })
	close(slow.release)
	until(t, "all is told", func() bool {
		r := &w.sw.online.recalls
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.working == 0
	})
	if !b.listed(`["a"]`) {
		t.Errorf("lists %q", b.allLists())
	}
}

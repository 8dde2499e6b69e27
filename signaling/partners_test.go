package signaling

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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

package signaling

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// statuses lists what a device was told of each message, in its order.
func (c *client) statuses() map[string][]chat.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := map[string][]chat.Status{}
	for _, ev := range c.received {
		if ev.Name != wire.MessageStatusUpdated {
			continue
		}
		var p struct{ MessageID, Status string }
		if err := json.Unmarshal(ev.Args, &p); err != nil {
			c.w.t.Error(err)
		}
		told[p.MessageID] = append(told[p.MessageID], chat.ParseStatus(p.Status))
	}
	return told
}

// waitsForStatuses waits until that many messages are said to have come that far,
// none of which was ever said to fall.
func (c *client) waitsForStatuses(n int, to chat.Status) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		got := 0
		for id, list := range c.statuses() {
			for k := 1; k < len(list); k++ {
				if list[k] <= list[k-1] {
					c.w.t.Errorf("%s: message %s was said to be %v", c.name, id, list)
					return
				}
			}
			if list[len(list)-1] == to {
				got++
			}
		}
		if got >= n {
			return
		}
		if time.Now().After(deadline) {
			c.w.t.Errorf("%s: %d of %d messages are %v", c.name, got, n, to)
			return
		}
		time.Sleep(2 * time.Millisecond) // polling with a deadline
	}
}

// TestM2_TheAuthorNeverHearsAStatusFall: a reader that looks at a message at once
// says so while the server's own receipt is on its way to the disk.
func TestM2_TheAuthorNeverHearsAStatusFall(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			const pairs, each = 8, 60
			w, _ := chatWorld(t, nodes)
			var all sync.WaitGroup
			for i := range pairs {
				from, to := string(rune('a'+i)), string(rune('k'+i))
				a, b := w.join(string(rune('A'+i))+"1"), w.join(string(rune('K'+i))+"1")
				all.Go(func() {
					for n := range each {
						m := a.sends(to, fmt.Sprint(n), "")
						if n%10 == 9 {
							b.asks("allmessageSeen", fmt.Sprintf(`{"senderId":%q,"receiverId":%q}`, from, to))
							continue
						}
						b.asks("messageSeen", fmt.Sprintf(`{"messageId":%q,"senderId":%q}`, m.ID, from))
					}
					a.waitsForStatuses(each*9/10, chat.Seen)
				})
			}
			all.Wait()
		})
	}
}

// TestM2_DeliveredOnceADeviceHasIt: however the device has got it.
func TestM2_DeliveredOnceADeviceHasIt(t *testing.T) {
	t.Run("by coming back", func(t *testing.T) {
		for _, nodes := range []int{1, 3} {
			t.Run(fmt.Sprint(nodes), func(t *testing.T) {
				w, _ := chatWorld(t, nodes)
				a, b := w.join("A1"), w.join("b1")
				b.sess.Away()
				a.sends("b", "on its way", "")
				b.waits("newMessage") // its link keeps it
				if told := a.statuses(); len(told) != 0 {
					t.Errorf("nobody has it, and its author was told %v", told)
				}
				b.sess.Back()
				a.waitsForStatuses(1, chat.Delivered)
			})
		}
	})
	t.Run("by asking for the conversation", func(t *testing.T) {
		w, _ := chatWorld(t, 1)
		a := w.join("A1")
		first := a.sends("b", "one", "")
		if _, err := w.sw.History(t.Context(), "a", "b", "", 10); err != nil { // its author's own device
			t.Fatal(err)
		}
		if list, err := w.sw.History(t.Context(), "b", "a", "", 10); err != nil || len(list) != 1 || list[0].ID != first.ID || list[0].Status != chat.Sent {
			t.Fatalf("%v %v", list, err)
		}
		a.waitsForStatuses(1, chat.Delivered)
	})
}

// TestO4_EventsThatWaitForTheStoreAreBounded: as many as base front ends send at
// once, but no more than a megabyte of them.
func TestO4_EventsThatWaitForTheStoreAreBounded(t *testing.T) {
	w, store := chatWorld(t, 1)
	b := w.join("b1")
	var ids []string
	for range 150 {
		m, _, err := store.Add(t.Context(), chat.Message{Sender: "a", Receiver: "b", Text: "x"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	for _, id := range ids { // at once, as from one frame
		b.receive("messageSeen", nil, fmt.Sprintf(`{"messageId":%q,"senderId":"a"}`, id))
	}
	b.asks("messageSeen", fmt.Sprintf(`{"messageId":%q,"senderId":"a"}`, ids[0])) // behind them
	if list, _, err := store.Conversations(t.Context(), "b", "", 1); err != nil || list[0].Unread != 0 {
		t.Errorf("%d are unread, %v", list[0].Unread, err)
	}

	c := w.join("C1")
	gate := make(chan struct{})
	slow := func(*Switchboard, context.Context, *Session, [][]byte) ([]byte, telling, error) {
		<-gate
		return nil, nil, nil
	}
	if err := c.sess.later(&Request{Event: []byte("slow")}, slow); err != nil {
		t.Fatal(err)
	}
	large := fmt.Sprintf(`{"to":"d","text":%q}`, strings.Repeat("x", 300_000))
	answers := make([]lateAnswer, 20)
	for i := range answers {
		answers[i] = make(lateAnswer, 1)
		c.receive("message:send", answers[i], large)
	}
	c.sess.Idle()
	close(gate)
	count := map[string]int{}
	for _, a := range answers {
		count[<-a]++
	}
	if count["!payload_too_large"] != 3 || count["!rate_limited"] != 17 {
		t.Errorf("%v", count)
	}
}

// farStore does not say where anybody is, once it is far, until it is let.
type farStore struct {
	presence.Store
	far        *atomic.Bool
	asked, let chan struct{}
}

func (f *farStore) Routes(ctx context.Context, user string) ([]presence.Session, error) {
	if f.far.Load() {
		f.asked <- struct{}{}
		<-f.let
	}
	return f.Store.Routes(ctx, user)
}

// TestP2_TellingHoldsNobodyUp: while it is being found out where an author is,
// what other nodes bring is taken in.
func TestP2_TellingHoldsNobodyUp(t *testing.T) {
	_, store := chatWorld(t, 1)
	far := farStore{far: new(atomic.Bool), asked: make(chan struct{}, 16), let: make(chan struct{})}
	w := newWorldOf(t, 2, func(s *setup) {
		s.chat = store
		s.wrap = func(p presence.Store) presence.Store { f := far; f.Store = p; return &f }
	})
	far.far.Store(true)
	m := &chat.Message{ID: "000000000000000000000001", Sender: "a", Receiver: "b", Status: chat.Delivered}
	told := w.sw.statusLane("a", "b").told()
	var telling sync.WaitGroup
	telling.Go(func() {
		w.sw.inTurnOf(t.Context(), func(ctx context.Context, t *turn) { w.sw.tellStatus(ctx, t, m, told, nil) })
	})
	<-far.asked
	taken := make(chan struct{})
	go func() {
		w.sw.markSoon(receipt{m.ID, "a", "b"}) // as the reader of the inbox does
		close(taken)
	}()
	select {
	case <-taken:
	case <-time.After(10 * time.Second):
		t.Error("a receipt waits for another one to be told")
	}
	close(far.let)
	telling.Wait()
	<-taken
}

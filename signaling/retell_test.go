package signaling

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// cutStore is a store that can reach nobody for a while: it does not know where
// users are, or inboxes refuse.
type cutStore struct {
	presence.Store
	routes, inboxes *atomic.Bool
}

func (c *cutStore) Routes(ctx context.Context, user string) ([]presence.Session, error) {
	if c.routes.Load() {
		return nil, presence.ErrUnavailable
	}
	return c.Store.Routes(ctx, user)
}

func (c *cutStore) Send(to presence.Peer, kind presence.Kind, lane presence.Lane, payload []byte, done func(error)) error {
	if c.inboxes.Load() {
		return presence.ErrUnavailable
	}
	return c.Store.Send(to, kind, lane, payload, done)
}

// TestM1_ToldWhenNodesAreBack: a client that stays connected gets what was sent to
// it while nodes could not reach each other, once, in its order.
func TestM1_ToldWhenNodesAreBack(t *testing.T) {
	for _, what := range []string{"routes", "inboxes"} {
		t.Run(what, func(t *testing.T) {
			var routes, inboxes atomic.Bool
			store := openChat(t)
			w := newWorldOf(t, 3, func(s *setup) {
				s.chat, s.Renew = store, 20*time.Millisecond
				s.wrap = func(p presence.Store) presence.Store { return &cutStore{p, &routes, &inboxes} }
			})
			a, b := w.join("A1"), w.join("b1")
			map[string]*atomic.Bool{"routes": &routes, "inboxes": &inboxes}[what].Store(true)
			var want []string
			for i := range 5 {
				m := a.sends("b", fmt.Sprint("m", i), "")
				want = append(want, `newMessage {"_id":"`+m.ID)
			}
			b.waits()
			routes.Store(false)
			inboxes.Store(false)
			b.waits(want...)
			a.waitsForStatuses(len(want), chat.Delivered)
			if n := a.sess.sw.retold.n.Load(); n != 0 || a.sess.sw.retold.bytes.Load() != 0 {
				t.Errorf("%d events still wait", n)
			}
		})
	}
}

// TestO4_WhatWaitsForNodesIsBounded: by number and by size.
func TestO4_WhatWaitsForNodesIsBounded(t *testing.T) {
	w := newWorldOf(t, 1, func(s *setup) { s.Renew = time.Hour })
	away := func(context.Context) error { return presence.ErrUnavailable }
	for range 20 {
		w.sw.retell(&eventEnvelope{}, maxRetoldBytes/10, away)
	}
	if n := w.sw.retold.n.Load(); n != 10 {
		t.Errorf("%d large ones wait", n)
	}
	w.sw.retold.bytes.Store(0)
	for range maxRetold + 50 {
		w.sw.retell(&eventEnvelope{}, 1, away)
	}
	if n := w.sw.retold.n.Load(); n != maxRetold {
		t.Errorf("%d wait", n)
	}
}

package signaling

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestP7_WhatIsOwedAnewWhileItIsPaid is still to be done: a session may end while
// its calls are told that it is away.
func TestP7_WhatIsOwedAnewWhileItIsPaid(t *testing.T) {
	playPlugged(t, func(w *world, _ []*plug) {
		sw := w.nodes[0]
		var done []string
		owe := func(what string, meanwhile func()) {
			sw.owe("news/1", func(context.Context, *turn) error {
				done = append(done, what)
				meanwhile()
				return nil
			})
		}
		owe("away", func() { owe("gone", func() {}) })
		w.pass(3 * time.Second)
		eq(t, "done", fmt.Sprint(done), "[away gone]")
	})
}

// TestM3_EventThatIsDroppedIsNotWaitedFor: those that come later go at once.
func TestM3_EventThatIsDroppedIsNotWaitedFor(t *testing.T) {
	playPlugged(t, func(w *world, plugs []*plug) {
		w.joinOn(1, "A1")
		sw := w.nodes[0]
		plugs[0].set(false, true)
		for i := range maxOwed {
			sw.owe(fmt.Sprint(i), func(context.Context, *turn) error { return nil })
		}
		sw.castMust(t.Context(), &eventEnvelope{user: "a", event: "x", args: []byte(`1`)})
		if sw.retold.waits("a") || sw.retold.n.Load() != 0 || sw.retold.bytes.Load() != 0 {
			t.Error("an event that was dropped is still waited for")
		}
	})
}

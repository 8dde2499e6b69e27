package redis

import (
	"testing"
	"time"
)

func TestRush(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	var r rush
	send := func(n int, every time.Duration) {
		for range n {
			now = now.Add(every)
			r.add(1, now)
		}
	}
	send(100, time.Millisecond)
	if r.on {
		t.Error("a thousand a second is a rush")
	}
	send(100, rushEvery/2)
	if !r.on {
		t.Error("five thousand a second is none")
	}
	send(1, time.Second)
	if r.on {
		t.Error("it does not end")
	}
	for range 10 { // few writes of many
		now = now.Add(rushWindow)
		r.add(50, now)
	}
	if !r.on {
		t.Error("many in few writes are none")
	}
}

package jsonws

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// TestO2_DrainSendsSessionsToAnotherNode: each comes back there with what it
// missed, the call goes on, and the drain is over when the last has gone.
func TestO2_DrainSendsSessionsToAnotherNode(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann, bob := nodes[0].join("ann"), nodes[1].join("bob")
	id := inCall(ann, bob)
	idle := make([]*peer, 20)
	for i := range idle {
		idle[i] = nodes[0].join(fmt.Sprint("u", i))
	}
	nodes[0].sw.Drain(300 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	left := make(chan int, 1)
	began := time.Now()
	go func() {
		nodes[0].srv.Drain(ctx, 300*time.Millisecond)
		left <- nodes[0].sw.WaitEmpty(ctx)
	}()
	eq(t, "server:drain", ann.wants("server:drain"), `{"reconnectWithinMs":300}`)
	ann.wantClose(wire.CloseGoingAway.Code, wire.CloseGoingAway.Reason)
	bob.candidate(id, 1) // while she is on her way
	back := nodes[1].dial(resumeQuery(ann, "ann", ann.seq), nil)
	back.seq = ann.seq
	back.greeted()
	if !back.hello.Resumed || back.hello.SID != ann.hello.SID {
		t.Fatalf("hello %+v after %+v", back.hello, ann.hello)
	}
	if got := back.wants("call:candidate"); !strings.Contains(got, `"c1"`) {
		t.Errorf("missed %s", got)
	}
	for i, p := range idle {
		p.wants("server:drain")
		p.wantClose(wire.CloseGoingAway.Code, wire.CloseGoingAway.Reason)
		again := nodes[1].dial(resumeQuery(p, fmt.Sprint("u", i), p.seq), nil)
		again.greeted()
		if !again.hello.Resumed {
			t.Errorf("u%d was not resumed", i)
		}
	}
	if n := <-left; n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("all were cut within %v: not spread over the time given", took)
	}
	back.ask("call:end", `{}`)
	bob.wants("call:end")
}

// TestO2_DrainEndsInTime: clients that do not come back are not waited for longer
// than told.
func TestO2_DrainEndsInTime(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann := nodes[0].join("ann")
	nodes[0].sw.Drain(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	left := make(chan int, 1)
	go func() { left <- nodes[0].srv.Drain(ctx, 20*time.Millisecond) }()
	ann.wants("server:drain")
	ann.wantClose(wire.CloseGoingAway.Code, wire.CloseGoingAway.Reason)
	if n := <-left; n != 0 {
		t.Errorf("%d are still connected", n)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if n := nodes[0].sw.WaitEmpty(short); n != 1 {
		t.Errorf("%d sessions are left, want hers", n)
	}
}

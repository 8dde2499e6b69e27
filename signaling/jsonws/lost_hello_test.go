package jsonws

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling"
)

// unread comes back with the token of p, and its network dies before it has read
// the hello.
func (r *rig) unread(p *peer) {
	r.t.Helper()
	lost := r.dial(resumeQuery(p, "ann", p.seq), nil)
	until(r.t, "the hello is on its way", func() bool {
		l := r.srv.linkOf(p.hello.SID)
		if l == nil {
			return false
		}
		u := l.unproven.Load()
		return u != nil && u.conn == l.socket() && l.session() != nil
	})
	lost.cut()
}

// wantsAll checks that a client which came back has everything.
func (p *peer) wantsAll(was *peer, first, n int) {
	p.t.Helper()
	if h := p.hello; !h.Resumed || h.SID != was.hello.SID || h.Device != was.hello.Device {
		p.t.Fatalf("hello %+v after %+v", h, was.hello)
	}
	for i := range n {
		eq(p.t, "missed", p.next(), seen(first+i))
	}
}

// TestI8_LostHelloLosesNothing: the token is good until the client has read the
// hello with the next one, however often that is lost; then it is spent.
func TestI8_LostHelloLosesNothing(t *testing.T) {
	for _, noticed := range []bool{true, false} {
		t.Run(fmt.Sprintf("noticed %t", noticed), func(t *testing.T) {
			r := newRig(t, nil)
			ann, bob := r.join("ann"), r.join("bob")
			ann.cut()
			for i := range 3 {
				bob.receipt("ann", i)
				bob.sent()
				r.unread(ann)
				if noticed {
					until(t, "the loss is noticed", func() bool { return r.srv.linkOf(ann.hello.SID).socket() == nil })
				}
			}
			back := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
			back.greeted()
			back.wantsAll(ann, 0, 3)
			back.sent()
			again := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
			again.greeted()
			if again.hello.Resumed || again.hello.Device == ann.hello.Device {
				t.Errorf("a spent token gave resumed %t and device %q", again.hello.Resumed, again.hello.Device)
			}
			back.sent() // and was not replaced
		})
	}
}

// TestI8_PongSpendsTheToken: a client that is silent has read its hello too.
func TestI8_PongSpendsTheToken(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	back := r.dial(resumeQuery(ann, "ann", 0), nil)
	back.greeted()
	l := r.srv.linkOf(ann.hello.SID)
	if l.unproven.Load() == nil {
		t.Error("spent before anything came")
	}
	back.wants("getOnlineUsers") // and the ping on the way, which is answered
	until(t, "the pong has come", func() bool { return l.unproven.Load() == nil })
	again := r.dial(resumeQuery(ann, "ann", 0), nil)
	again.greeted()
	if again.hello.Resumed {
		t.Error("a token was used twice")
	}
	back.sent()
}

// TestI8_LateTryCutsTheOtherOffForAMoment: both tries are the same client's. The
// one that it still has can come back with what it has read.
func TestI8_LateTryCutsTheOtherOffForAMoment(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	first := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
	first.greeted()
	late := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
	late.greeted()
	if first.hello.ResumeToken != late.hello.ResumeToken {
		t.Error("the same try got another token")
	}
	if c := first.closed(); c.Code != websocket.CloseAbnormalClosure {
		t.Errorf("closed with %d %s: its client would stay away", c.Code, c.Text)
	}
	late.cut()
	bob.receipt("ann", 0)
	bob.sent()
	back := r.dial(resumeQuery(first, "ann", first.seq), nil)
	back.greeted()
	back.wantsAll(ann, 0, 1)
	old := r.dial(resumeQuery(ann, "ann", ann.seq), nil) // whose successor was used
	old.greeted()
	if old.hello.Resumed {
		t.Error("a token was good after the next one was used")
	}
	back.sent()
}

// TestC9_LostHelloOnAnotherNode: wherever the client tries again, the session is
// found, though the tag in its token names the node where it was first.
func TestC9_LostHelloOnAnotherNode(t *testing.T) {
	for _, again := range [][]int{{0}, {1}, {2}, {2, 0}, {2, 1, 0, 2}} {
		t.Run(fmt.Sprint(again), func(t *testing.T) {
			nodes := newNodes(t, 3, nil)
			ann, bob := nodes[0].join("ann"), nodes[1].join("bob")
			id := inCall(ann, bob)
			ann.cut()
			bob.wants("call:peer")
			bob.candidate(id, 1)
			nodes[1].unread(ann)
			last := again[len(again)-1]
			for i, n := range again[:len(again)-1] {
				bob.candidate(id, i+2)
				nodes[n].unread(ann)
			}
			back := nodes[last].dial(resumeQuery(ann, "ann", ann.seq), nil)
			back.greeted()
			if h := back.hello; !h.Resumed || h.SID != ann.hello.SID {
				t.Fatalf("hello %+v after %+v", h, ann.hello)
			}
			for i := range again {
				if got := back.wants("call:candidate"); !strings.Contains(got, fmt.Sprintf(`"c%d"`, i+1)) {
					t.Errorf("missed %s, want c%d", got, i+1)
				}
			}
			back.sent()
			for i, n := range nodes {
				spent := n.dial(resumeQuery(ann, "ann", ann.seq), nil)
				spent.greeted()
				if spent.hello.Resumed || spent.hello.Device == ann.hello.Device {
					t.Errorf("node %d: a spent token gave resumed %t and device %q", i, spent.hello.Resumed, spent.hello.Device)
				}
			}
			back.emit("call:end", `{"to":"bob"}`)
			bob.wants("call:end")
		})
	}
}

// TestC9_SeveralTriesAtOnce: whichever comes last has it, and nothing is lost.
func TestC9_SeveralTriesAtOnce(t *testing.T) {
	nodes := newNodes(t, 3, func(c *Config, _ *signaling.Config) { c.ResumeWindow = time.Minute })
	for round := range 20 {
		ann, bob := nodes[0].join("ann"), nodes[1].join("bob")
		ann.cut()
		bob.receipt("ann", round)
		bob.sent()
		tries := make([]*peer, 6)
		for i := range tries {
			tries[i] = nodes[i%3].dial(resumeQuery(ann, "ann", ann.seq), nil)
		}
		for _, p := range tries {
			f, err := p.tryRead()
			if err != nil {
				continue // cut before it was read
			}
			if f.Event != "hello" || !strings.Contains(string(f.Args[0]), `"resumed":true`) {
				t.Fatalf("a try got %+v", f)
			}
		}
		back := nodes[round%3].dial(resumeQuery(ann, "ann", ann.seq), nil)
		back.greeted()
		back.wantsAll(ann, round, 1)
		back.emit("disconnect", "")
		bob.emit("disconnect", "")
		until(t, "both are gone", func() bool {
			n := 0
			for _, r := range nodes {
				n += r.srv.Len()
			}
			return n == 0
		})
	}
}

// TestC9_TriesAgainWhileItsSessionIsOnItsWay: the node that it came to first takes
// its time; the client does not wait for that, and tries again.
func TestC9_TriesAgainWhileItsSessionIsOnItsWay(t *testing.T) {
	for again := range 3 {
		t.Run(fmt.Sprint("on node ", again), func(t *testing.T) {
			nodes := newNodes(t, 3, nil)
			ann, bob := nodes[0].join("ann"), nodes[1].join("bob")
			ann.cut()
			bob.receipt("ann", 0)
			bob.sent()
			release := nodes[1].slow.hold()
			defer release()
			try := func(node int) <-chan *peer { // the upgrade is answered with the hello
				c := make(chan *peer, 1)
				go func() {
					p, _, _ := nodes[node].tryDial(resumeQuery(ann, "ann", ann.seq), nil)
					c <- p
				}()
				return c
			}
			first := try(1)
			<-nodes[1].slow.asked
			second := try(again)
			var back *peer
			select {
			case back = <-second: // too early
			case <-time.After(300 * time.Millisecond):
				release()
				back = <-second
			}
			<-first
			if back == nil {
				t.Fatal("not let in")
			}
			if back.greeted(); !back.hello.Resumed || back.hello.SID != ann.hello.SID {
				t.Fatalf("hello %+v", back.hello)
			}
			eq(t, "missed", back.next(), seen(0))
			back.emit("disconnect", "")
		})
	}
}

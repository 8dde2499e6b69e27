package sio

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// unread comes back with the pid of c, and its network dies before it has read
// the answer to its CONNECT.
func (r *rig) unread(c *client, user string) {
	r.t.Helper()
	lost := r.dial("", nil)
	lost.write(`40{"token":"` + token(user) + `","resume":true,"pid":"` + c.pid + `","offset":"` + c.offset + `"}`)
	until(r.t, "the answer is on its way", func() bool {
		so := r.srv.io.Of("/").ByPID(c.pid)
		return so != nil && so.Recovered() && so.Connected() && linkOf(so).sess.Load() != nil
	})
	lost.cut()
	until(r.t, "the loss is noticed", func() bool { so := r.srv.io.Of("/").ByPID(c.pid); return so == nil || so.Away() })
}

// TestC9_LostConnectOnAnotherNode: wherever the client tries again it gets what it
// missed, though the tag in its pid names the node where it was first.
func TestC9_LostConnectOnAnotherNode(t *testing.T) {
	for _, again := range [][]int{{0}, {1}, {2}, {2, 0}, {2, 1, 0, 2}} {
		t.Run(fmt.Sprint(again), func(t *testing.T) {
			nodes := newNodes(t, 3, nil)
			ann, bob := nodes[0].join("ann", `"resume":true`), nodes[1].join("bob", extended)
			bob.receipt("ann", 0)
			ann.wants("messageStatusUpdated")
			ann.cut()
			bob.receipt("ann", 1)
			bob.sent()
			nodes[1].unread(ann, "ann")
			last := again[len(again)-1]
			for i, n := range again[:len(again)-1] {
				bob.receipt("ann", i+2)
				bob.sent()
				nodes[n].unread(ann, "ann")
			}
			back := nodes[last].recover(ann, "ann", `"resume":true`)
			if back.sid != ann.sid || back.pid != ann.pid {
				t.Fatalf("sid %s pid %s, want %s and %s", back.sid, back.pid, ann.sid, ann.pid)
			}
			for i := range again {
				eq(t, "missed", back.wants("messageStatusUpdated"), seen(i+1))
			}
		})
	}
}

// TestC9_TriesAgainWhileItsSocketIsOnItsWay: the node that it came to first takes
// its time; the client does not wait for that, and tries again.
func TestC9_TriesAgainWhileItsSocketIsOnItsWay(t *testing.T) {
	for again := range 3 {
		t.Run(fmt.Sprint("on node ", again), func(t *testing.T) {
			nodes := newNodes(t, 3, nil)
			ann, bob := nodes[0].join("ann", `"resume":true`), nodes[1].join("bob", extended)
			bob.receipt("ann", 0)
			ann.wants("messageStatusUpdated")
			ann.cut()
			bob.receipt("ann", 1)
			bob.sent()
			release := nodes[1].slow.hold()
			defer release()
			hello := `40{"token":"` + token("ann") + `","resume":true,"pid":"` + ann.pid + `","offset":"` + ann.offset + `"}`
			first := nodes[1].dial("", nil)
			first.write(hello)
			<-nodes[1].slow.asked
			first.cut()
			back := nodes[again].dial("", nil)
			back.write(hello)
			answered := make(chan string, 1)
			go func() {
				p, _ := back.tryPacket()
				answered <- p
			}()
			var p string
			select {
			case p = <-answered: // too early
			case <-time.After(300 * time.Millisecond):
				release()
				p = <-answered
			}
			if !strings.HasPrefix(p, "40") || !strings.Contains(p, ann.sid) {
				t.Fatalf("CONNECT is answered %s", p)
			}
			back.recovery = true
			eq(t, "missed", back.wants("messageStatusUpdated"), seen(1))
		})
	}
}

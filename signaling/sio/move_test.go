package sio

import (
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
)

// TestC9_SessionMovesToAnotherNode: a client that lost its node's transport gets
// what it missed from any other, and nobody hears that it is there now.
func TestC9_SessionMovesToAnotherNode(t *testing.T) {
	nodes := newNodes(t, 3, nil)
	ann, bob := nodes[0].join("ann", `"resume":true`), nodes[1].join("bob", extended)
	ann.emit("call:user", `{"to":"bob","signal":`+sdpOffer(1)+`}`)
	bob.wants("call:incoming")
	bob.receipt("ann", 0)
	ann.wants("messageStatusUpdated")
	ann.cut()
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"reconnecting"}`)
	bob.receipt("ann", 1) // kept for her there
	bob.sent()
	back := nodes[2].recover(ann, "ann", `"resume":true`)
	if back.sid != ann.sid || back.pid != ann.pid {
		t.Fatalf("sid %s pid %s, want %s and %s", back.sid, back.pid, ann.sid, ann.pid)
	}
	eq(t, "missed", back.wants("messageStatusUpdated"), seen(1))
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"back"}`)
	bob.ask("call:answer", `{"to":"ann","signal":{"type":"answer","sdp":""}}`)
	back.wants("call:accepted")
	if n := nodes[0].sw.Sessions(); n != 0 {
		t.Errorf("%d sessions are left on the first node", n)
	}
	// And on, to the node that is in nobody's pid.
	back.cut()
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"reconnecting"}`)
	bob.receipt("ann", 2)
	bob.sent()
	last := nodes[1].recover(back, "ann")
	if last.sid != ann.sid || last.pid != ann.pid {
		t.Fatalf("sid %s pid %s, want %s and %s", last.sid, last.pid, ann.sid, ann.pid)
	}
	eq(t, "missed", last.wants("messageStatusUpdated"), seen(2))
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"back"}`)
	last.emit("call:end", `{"to":"bob"}`)
	eq(t, "bob hears", plain(bob.wants("call:end")), `{"callId":X,"reason":"hangup"}`)
}

// TestC9_SessionMovesBeforeItsLossWasNoticed, with events right behind CONNECT.
func TestC9_SessionMovesBeforeItsLossWasNoticed(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann, bob := nodes[0].join("ann", `"deviceId":"phone"`), nodes[1].join("bob")
	ann.sent()
	bob.receipt("ann", 0)
	ann.wants("messageStatusUpdated")
	c := nodes[1].dial("", nil)
	c.write(`40{"token":"` + token("ann") + `","deviceId":"phone","pid":"` + ann.pid + `","offset":"` + ann.offset + `"}`)
	c.emit("typing", `{"receiverId":"bob"}`)
	c.emit("stopTyping", `{"receiverId":"bob"}`)
	eq(t, "bob hears", bob.wants("userTyping"), `"ann"`)
	eq(t, "bob hears", bob.wants("userStopTyping"), `"ann"`)
	if p := c.packet(); !strings.Contains(p, ann.sid) {
		t.Errorf("answered %s", p)
	}
	if ann.ended() {
		t.Error("the old transport was closed with DISCONNECT: its client would stay away")
	}
}

func TestI8_SessionsMoveToTheirUserOnly(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann := nodes[0].join("ann", `"deviceId":"d"`)
	ann.sent()
	for name, extra := range map[string][]string{
		"another user":   {"eve"},
		"another device": {"ann", `"deviceId":"e"`},
	} {
		if c := nodes[1].recover(ann, extra[0], extra[1:]...); c.sid == ann.sid {
			t.Errorf("%s: recovered", name)
		}
	}
	c := nodes[1].dial("", nil)
	if p := c.connect(`{"token":"bad","pid":"` + ann.pid + `"}`); !strings.HasPrefix(p, "44") {
		t.Errorf("without a good token: %s", p)
	}
	if c := nodes[1].recover(ann, "ann", `"deviceId":"d"`); c.sid != ann.sid {
		t.Error("her own right was spent by strangers' tries")
	}
}

// TestC13_TooMuchMissedOnAnotherNode: a new session of the same device.
func TestC13_TooMuchMissedOnAnotherNode(t *testing.T) {
	nodes := newNodes(t, 2, func(c *Config, _ *signaling.Config) { c.IO.Recovery.MaxPackets = 2 })
	ann, bob := nodes[0].inCall()
	ann.cut()
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"reconnecting"}`)
	for i := range 5 {
		bob.receipt("ann", i)
	}
	bob.sent()
	back := nodes[1].recover(ann, "ann")
	if back.sid == ann.sid {
		t.Error("recovered although packets are lost")
	}
	eq(t, "bob hears", plain(bob.wants("call:peer")), `{"callId":X,"state":"back"}`)
	bob.emit("call:rejected", `{"to":"ann"}`)
	eq(t, "ann hears", plain(back.wants("call:rejected")), `{"callId":X,"reason":"rejected"}`)
	until(t, "the old session is gone", func() bool { return nodes[0].sw.Sessions() == 1 })
}

// TestC13_PIDOfANodeThatIsDead: the seal says which device it was.
func TestC13_PIDOfANodeThatIsDead(t *testing.T) {
	nodes := newNodes(t, 2, func(c *Config, _ *signaling.Config) { c.IO.Recovery.Window = 100 * time.Millisecond })
	ann, bob := nodes[0].inCall()
	ann.cut()
	eq(t, "bob hears", plain(bob.wants("call:end")), `{"callId":X,"reason":"lost"}`)
	until(t, "the session is gone", func() bool { return nodes[0].sw.Sessions() == 1 })
	// There is nobody who could be asked for it; a pid of a node that was never
	// there is the same.
	_, rest, _ := strings.Cut(ann.pid, "-")
	ann.pid = "gone-" + rest
	eq(t, "ann hears", plain(nodes[1].recover(ann, "ann").wants("call:end")), `{"callId":X,"reason":"lost"}`)
}

func TestSeal_OnlyOfTheSameUserCounts(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	if ann.sent(); !strings.Contains(ann.pid, ".") {
		t.Fatalf("pid %q", ann.pid)
	}
	if _, ok := r.srv.unseal(ann.pid, "eve"); ok {
		t.Error("unsealed for another user")
	}
	if d, ok := r.srv.unseal(ann.pid, "ann"); !ok || d != ann.sid {
		t.Errorf("device %q, want the first session's id", d)
	}
}

func FuzzDecodeWant(f *testing.F) {
	q := want{pid: "n-1.x.y", offset: "a", given: true, extended: true}
	f.Add(q.encode())
	f.Add([]byte{1, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := decodeWant(b)
		if err != nil {
			return
		}
		if again, err := decodeWant(q.encode()); err != nil || again != q {
			t.Errorf("%+v came back as %+v, %v", q, again, err)
		}
	})
}

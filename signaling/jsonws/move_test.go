package jsonws

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// inCall makes a call of ann with bob that is answered, and returns its id.
func inCall(ann, bob *peer) string {
	ann.t.Helper()
	var in struct{ CallID string }
	ann.ask("call:user", `{"to":"bob","signal":`+offer(1)+`}`)
	if err := json.Unmarshal([]byte(bob.wants("call:incoming")), &in); err != nil || in.CallID == "" {
		ann.t.Fatalf("call:incoming: %v", err)
	}
	bob.ask("call:answer", `{"to":"ann","signal":{"type":"answer","sdp":""}}`)
	ann.wants("call:accepted")
	return in.CallID
}

func (p *peer) candidate(call string, n int) {
	p.t.Helper()
	eq(p.t, "call:candidate", p.ask("call:candidate", fmt.Sprintf(`{"callId":%q,"candidates":[{"candidate":"c%d"}]}`, call, n)), "{}")
}

// TestC9_SessionMovesToAnotherNode: a client that lost its node's socket gets
// what it missed from any other, and nobody hears that it is there now.
func TestC9_SessionMovesToAnotherNode(t *testing.T) {
	nodes := newNodes(t, 3, nil)
	ann, bob := nodes[0].join("ann"), nodes[1].join("bob")
	id := inCall(ann, bob)
	ann.cut()
	bob.wants("call:peer")
	bob.candidate(id, 1) // kept for her there
	back := nodes[2].dial(resumeQuery(ann, "ann", ann.seq), nil)
	back.seq = ann.seq
	back.greeted()
	if h := back.hello; !h.Resumed || h.SID != ann.hello.SID || h.Device != ann.hello.Device || h.ResumeToken == ann.hello.ResumeToken || h.Node != "n2" {
		t.Fatalf("hello %+v after %+v", h, ann.hello)
	}
	if got := back.wants("call:candidate"); !strings.Contains(got, `"c1"`) {
		t.Errorf("missed %s", got)
	}
	eq(t, "numbers go on", fmt.Sprint(back.seq > ann.seq), "true")
	if got := bob.wants("call:peer"); !strings.Contains(got, `"back"`) {
		t.Errorf("bob hears %s", got)
	}
	if n := nodes[0].srv.Len() + nodes[0].sw.Sessions(); n != 0 {
		t.Errorf("%d links and sessions are left on the first node", n)
	}
	// And on, to a node that is in nobody's token, before its loss is noticed.
	bob.candidate(id, 2)
	back.wants("call:candidate")
	last := nodes[1].dial(resumeQuery(back, "ann", back.seq), nil)
	last.greeted()
	if h := last.hello; !h.Resumed || h.SID != ann.hello.SID {
		t.Fatalf("hello %+v", h)
	}
	back.wantClose(wire.CloseReplaced.Code, wire.CloseReplaced.Reason)
	last.emit("call:end", `{"to":"bob"}`)
	bob.wants("call:end")
}

// TestC9_MovesInTheAuthFrame: the other way to show a resume token.
func TestC9_MovesInTheAuthFrame(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann := nodes[0].join("ann")
	c := nodes[1].dial("auth=frame", nil)
	c.write(fmt.Sprintf(`{"event":"auth","args":[{"token":%q,"resume":{"token":%q,"lastSeq":%d}}],"id":1}`, token("ann"), ann.hello.ResumeToken, ann.seq))
	c.write(`{"event":"ping","id":2}`) // right behind it
	c.greeted()
	if !c.hello.Resumed || c.hello.SID != ann.hello.SID {
		t.Fatalf("hello %+v", c.hello)
	}
	c.acked(1)
	c.acked(2)
	ann.wantClose(wire.CloseReplaced.Code, wire.CloseReplaced.Reason)
}

func TestI8_SessionsMoveToTheirUserOnlyAndTokensOnce(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann := nodes[0].join("ann")
	eve := nodes[1].dial(resumeQuery(ann, "eve", ann.seq), nil)
	eve.greeted()
	if eve.hello.Resumed || eve.hello.Device == ann.hello.Device {
		t.Errorf("hello %+v", eve.hello)
	}
	guessed := strings.Split(ann.hello.ResumeToken, ".")
	guessed[1] = strings.Repeat("A", len(guessed[1]))
	guess := nodes[1].dial("token="+token("ann")+"&deviceId=other&resume="+url.QueryEscape(strings.Join(guessed, ".")), nil)
	guess.greeted()
	if guess.hello.Resumed || guess.hello.Device != "other" {
		t.Errorf("hello %+v", guess.hello)
	}
	first := nodes[1].dial(resumeQuery(ann, "ann", ann.seq), nil)
	first.greeted()
	if !first.hello.Resumed {
		t.Error("her own right was spent by strangers' tries")
	}
	first.sent()
	again := nodes[1].dial(resumeQuery(ann, "ann", ann.seq), nil)
	again.greeted()
	if again.hello.Resumed {
		t.Error("a token was used twice")
	}
}

// TestI8_SpentTokenCutsNobodyOffOnAnotherNode: whoever shows it gets a device of
// its own, whichever node it comes to, while the one that used it is there.
func TestI8_SpentTokenCutsNobodyOffOnAnotherNode(t *testing.T) {
	for used, name := range []string{"where the session was", "where it moved to"} {
		t.Run(name, func(t *testing.T) {
			nodes := newNodes(t, 3, nil)
			ann, bob := nodes[0].join("ann"), nodes[0].join("bob")
			first := nodes[used].dial(resumeQuery(ann, "ann", ann.seq), nil)
			first.greeted()
			if !first.hello.Resumed {
				t.Fatalf("hello %+v", first.hello)
			}
			first.sent()
			for i, n := range nodes {
				again := n.dial(resumeQuery(ann, "ann", ann.seq), nil)
				again.greeted()
				if h := again.hello; h.Resumed || h.Device == first.hello.Device {
					t.Errorf("node %d: a spent token gave resumed %t and device %q of %q", i, h.Resumed, h.Device, first.hello.Device)
				}
				bob.receipt("ann", i)
				eq(t, "who holds the session hears", first.next(), seen(i))
				eq(t, "who came later hears", again.next(), seen(i))
			}
			first.cut()
			until(t, "the first is away", func() bool { return nodes[used].srv.linkOf(first.hello.SID).socket() == nil })
			last := nodes[2].dial(resumeQuery(ann, "ann", ann.seq), nil)
			last.greeted()
			if h := last.hello; h.Resumed || h.Device != first.hello.Device {
				t.Errorf("whose hello was lost got resumed %t and device %q, want device %q anew", h.Resumed, h.Device, first.hello.Device)
			}
		})
	}
}

// TestC13_TooMuchMissedOnAnotherNode: a new session of the same device.
func TestC13_TooMuchMissedOnAnotherNode(t *testing.T) {
	nodes := newNodes(t, 2, nil)
	ann, bob := nodes[0].join("ann"), nodes[1].join("bob")
	inCall(ann, bob)
	ann.write(fmt.Sprintf(`{"event":"seq","args":[%d]}`, ann.seq))
	ann.ask("ping", `{}`)
	ann.cut()
	bob.wants("call:peer")
	back := nodes[1].dial(resumeQuery(ann, "ann", 0), nil) // it forgot what it had confirmed
	back.greeted()
	if h := back.hello; h.Resumed || h.SID == ann.hello.SID || h.Device != ann.hello.Device {
		t.Fatalf("hello %+v after %+v", h, ann.hello)
	}
	if got := bob.wants("call:peer"); !strings.Contains(got, `"back"`) {
		t.Errorf("bob hears %s", got)
	}
	back.ask("call:end", `{}`)
	bob.wants("call:end")
	if n := nodes[0].sw.Sessions(); n != 0 {
		t.Errorf("%d sessions are left on the first node", n)
	}
}

// TestC13_TokenOfANodeThatIsDead: the seal says which device it was.
func TestC13_TokenOfANodeThatIsDead(t *testing.T) {
	nodes := newNodes(t, 2, func(c *Config, _ *signaling.Config) { c.ResumeWindow = 50 * time.Millisecond })
	ann := nodes[0].join("ann", "deviceId=phone")
	ann.cut()
	until(t, "the session is gone", func() bool { return nodes[0].sw.Sessions() == 0 })
	_, rest, _ := strings.Cut(ann.hello.ResumeToken, "-")
	for _, tag := range []string{"gone", nodes[0].sw.Tag(), nodes[1].sw.Tag()} {
		ann.hello.ResumeToken = tag + "-" + rest
		c := nodes[1].dial(resumeQuery(ann, "ann", 0), nil)
		c.greeted()
		if c.hello.Resumed || c.hello.Device != "phone" {
			t.Errorf("tag %s: hello %+v", tag, c.hello)
		}
	}
}

func FuzzParseTicket(f *testing.F) {
	f.Add("n-1.x.y.z")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		k := parseToken(text)
		if n := len(k.sid) + len(k.secret) + len(k.seal); n > len(text) || strings.Contains(k.sid+k.secret, ".") {
			t.Errorf("%q: %+v", text, k)
		}
	})
}

func FuzzMoved(f *testing.F) {
	f.Add(encodeMissed([]kept{{frame: []byte(`{"event":"a","args":[],"seq":1}`)}, {frame: []byte(`{}`)}}))
	f.Add(encodeWant(&ticket{sid: "n-1", secret: "x"}, 7))
	f.Add([]byte{1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if was, seq, err := decodeWant(b); err == nil {
			if w2, s2, err := decodeWant(encodeWant(&was, seq)); err != nil || w2 != was || s2 != seq {
				t.Errorf("%+v came back as %+v, %v", was, w2, err)
			}
		}
		frames, err := decodeMissed(b)
		if err != nil {
			return
		}
		list := make([]kept, len(frames))
		for i := range frames {
			list[i].frame = frames[i]
		}
		again, err := decodeMissed(encodeMissed(list))
		if err != nil || !slices.EqualFunc(again, frames, func(a, b []byte) bool { return string(a) == string(b) }) {
			t.Errorf("%q came back as %q, %v", frames, again, err)
		}
	})
}

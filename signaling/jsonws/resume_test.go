package jsonws

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// receipt makes ann's devices hear of message n: a numbered event.
func (p *peer) receipt(author string, n int) {
	p.emit("messageSeen", fmt.Sprintf(`{"messageId":"m%d","senderId":%q}`, n, author))
}

func seen(n int) string {
	return fmt.Sprintf(`messageStatusUpdated {"messageId":"m%d","status":"seen"}`, n)
}

// sent waits until the server has handled what p sent.
func (p *peer) sent() { p.t.Helper(); p.ask("ping", `{}`) }

func TestSeq_NumbersWhatMustArrive(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	for i := range 3 {
		bob.receipt("ann", i)
		for {
			f := ann.read()
			if f.Event != "messageStatusUpdated" {
				if f.Seq != 0 {
					t.Errorf("droppable %s has seq %d", f.Event, f.Seq)
				}
				continue
			}
			if f.Seq != uint64(i+1) {
				t.Errorf("seq %d, want %d", f.Seq, i+1)
			}
			break
		}
	}
}

func TestResume_MissedEventsInOrderNoneTwice(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	bob.receipt("ann", 0)
	eq(t, "before", ann.next(), seen(0))
	ann.cut()
	link := r.srv.linkOf(ann.hello.SID)
	until(t, "ann is away", func() bool { return link.socket() == nil })
	for i := 1; i <= 20; i++ {
		bob.receipt("ann", i)
	}
	bob.emit("typing", `{"receiverId":"ann"}`) // not kept for one that is away
	bob.sent()
	back := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
	back.greeted()
	if !back.hello.Resumed || back.hello.SID != ann.hello.SID || back.hello.ResumeToken == ann.hello.ResumeToken {
		t.Fatalf("hello %+v, was %+v", back.hello, ann.hello)
	}
	for i := 1; i <= 20; i++ {
		eq(t, "missed", back.next(), seen(i))
	}
	bob.receipt("ann", 21)
	eq(t, "and on", back.next(), seen(21))
	if back.seq != 22 {
		t.Errorf("seq goes on at %d, want 22", back.seq)
	}
}

// linkOf finds a link by its session's id.
func (s *Server) linkOf(sid string) *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[sid]
}

func TestResume_ByAuthFrame(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	ann.cut()
	p := r.dial("", nil)
	p.write(fmt.Sprintf(`{"event":"auth","args":[{"token":%q,"resume":{"token":%q,"lastSeq":0}}],"id":1}`, token("ann"), ann.hello.ResumeToken))
	p.greeted()
	if !p.hello.Resumed {
		t.Error("not resumed")
	}
	eq(t, "ack", p.acked(1), `{}`)
}

func TestI8_ResumeTokenIsUsedOnce(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	first := r.dial(resumeQuery(ann, "ann", 0), nil)
	first.greeted()
	first.sent()
	second := r.dial(resumeQuery(ann, "ann", 0), nil)
	second.greeted()
	if !first.hello.Resumed || second.hello.Resumed {
		t.Errorf("resumed %t, then with the same token %t; want once", first.hello.Resumed, second.hello.Resumed)
	}
}

func TestI8_SpentTokenCutsNobodyOff(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	first := r.dial(resumeQuery(ann, "ann", 0), nil)
	first.greeted()
	first.sent()
	second := r.dial(resumeQuery(ann, "ann", 0), nil)
	second.greeted()
	if second.hello.Resumed || second.hello.Device == first.hello.Device {
		t.Errorf("a spent token gave resumed %t and device %q of %q", second.hello.Resumed, second.hello.Device, first.hello.Device)
	}
	first.sent() // and was not replaced
	first.cut()
	until(t, "the first is away", func() bool { return r.srv.linkOf(first.hello.SID).socket() == nil })
	third := r.dial(resumeQuery(ann, "ann", 0), nil)
	third.greeted()
	if third.hello.Resumed || third.hello.Device != first.hello.Device {
		t.Errorf("whose hello was lost got resumed %t and device %q, want device %q anew", third.hello.Resumed, third.hello.Device, first.hello.Device)
	}
}

func TestI8_ResumeIsNoBearerRight(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	for name, query := range map[string]string{
		"another user": resumeQuery(ann, "eve", 0),
		"bad secret":   "token=" + token("ann") + "&resume=" + ann.hello.SID + ".AAAAAAAAAAAAAAAAAAAAAA",
		"no secret":    "token=" + token("ann") + "&resume=" + ann.hello.SID + ".",
		"no dot":       "token=" + token("ann") + "&resume=" + ann.hello.SID,
		"no session":   "token=" + token("ann") + "&resume=x.AAAA",
		"not base64":   "token=" + token("ann") + "&resume=" + ann.hello.SID + ".%21%21",
	} {
		p := r.dial(query, nil)
		p.greeted()
		if p.hello.Resumed || p.hello.SID == ann.hello.SID {
			t.Errorf("%s: resumed", name)
		}
	}
	p := r.dial("token=bad&resume="+ann.hello.ResumeToken, nil)
	p.refused(t, wire.CodeUnauthorized, wire.CloseUnauthorized)
	ann.sent() // she was not disturbed
	good := r.dial(resumeQuery(ann, "ann", 0), nil)
	good.greeted()
	if !good.hello.Resumed {
		t.Error("the token was spent by a stranger's tries")
	}
}

func TestI8_ResumeTakesOverALiveSocket(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	p := r.dial(resumeQuery(ann, "ann", 0), nil)
	p.greeted()
	if !p.hello.Resumed {
		t.Fatal("not resumed")
	}
	ann.wantClose(wire.CloseReplaced.Code, wire.CloseReplaced.Reason)
	bob.receipt("ann", 1)
	eq(t, "the new socket", p.next(), seen(1))
}

func TestReplaced_SameDeviceWithoutResume(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann", "deviceId=d")
	r.join("ann", "deviceId=d").sent()
	ann.wantClose(wire.CloseReplaced.Code, wire.CloseReplaced.Reason)
	until(t, "one link is left", func() bool { return r.srv.Len() == 1 && r.sw.Sessions() == 1 })
}

func TestResume_TooMuchMissedStartsAnew(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"events": func(c *Config) { c.ReplayEvents = 3 },
		"bytes":  func(c *Config) { c.ReplayBytes = 300 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *Config, _ *signaling.Config) { change(c) })
			ann, bob := r.join("ann", "deviceId=d"), r.join("bob")
			ann.cut()
			link := r.srv.linkOf(ann.hello.SID)
			until(t, "ann is away", func() bool { return link.socket() == nil })
			for i := range 10 {
				bob.receipt("ann", i)
			}
			bob.sent()
			link.mu.Lock()
			if n := len(link.replay.kept); n > 3 {
				t.Errorf("%d events are kept, want at most 3", n)
			}
			link.mu.Unlock()
			p := r.dial(resumeQuery(ann, "ann", 0)+"&deviceId=d", nil)
			p.greeted()
			if p.hello.Resumed {
				t.Error("resumed although events are lost")
			}
			until(t, "the old link is gone", func() bool { return r.srv.Len() == 2 })
		})
	}
}

func TestResume_LostHistoryKeepsTheDevice(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.ReplayEvents = 2 })
	ann, bob := r.join("ann"), r.join("bob") // without a device id of her own
	ann.ask("call:user", `{"to":"bob","signal":`+offer(1)+`}`)
	bob.wants("call:incoming")
	ann.cut()
	link := r.srv.linkOf(ann.hello.SID)
	until(t, "ann is away", func() bool { return link.socket() == nil })
	for i := range 10 {
		bob.receipt("ann", i)
	}
	bob.sent()
	p := r.dial(resumeQuery(ann, "ann", 0), nil)
	p.greeted()
	if p.hello.Resumed || p.hello.Device != ann.hello.Device {
		t.Fatalf("resumed %t as device %q, want a new session of %q", p.hello.Resumed, p.hello.Device, ann.hello.Device)
	}
	// It is her device's call still.
	if got := p.ask("call:end", `{}`); !strings.Contains(got, `"state":"ended"`) {
		t.Errorf("call:end: %s", got)
	}
	bob.wants("call:end")
}

func TestSeq_ConfirmedIsForgotten(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	for i := range 5 {
		bob.receipt("ann", i)
	}
	for ann.seq < 5 {
		ann.read()
	}
	for _, odd := range []string{`"x"`, `-1`, `{}`, ``} {
		ann.emit("seq", odd)
	}
	ann.emit("seq", "4")
	ann.sent()
	link := r.srv.linkOf(ann.hello.SID)
	link.mu.Lock()
	if n := len(link.replay.kept); n != 1 {
		t.Errorf("%d events are kept after 4 of 5 were confirmed", n)
	}
	link.mu.Unlock()
	ann.cut()
	late := r.dial(resumeQuery(ann, "ann", 3), nil) // it forgot that it had confirmed 4
	late.greeted()
	if late.hello.Resumed {
		t.Error("resumed from before what was confirmed")
	}
}

func TestC9_DisconnectEventIsCleanAtOnce(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	ann.ask("call:user", `{"to":"bob","signal":`+offer(1)+`}`)
	bob.wants("call:incoming")
	ann.emit("disconnect", "")
	if got := bob.wants("call:end"); !strings.HasSuffix(got, endedBy("cancelled")) {
		t.Errorf("bob hears %s", got)
	}
	ann.wantClose(wire.CloseNormal.Code, wire.CloseNormal.Reason)
	if n := r.srv.Len(); n != 1 {
		t.Errorf("%d links are left, want bob's", n)
	}
	p := r.dial(resumeQuery(ann, "ann", 0), nil)
	p.greeted()
	if p.hello.Resumed {
		t.Error("a session that said goodbye was resumed")
	}
}

// endedBy is how a call:end ends.
func endedBy(reason string) string { return `,"reason":"` + reason + `"}` }

func TestC9_NoCloseCodeIsAGoodbye(t *testing.T) {
	for _, code := range []int{1000, 1001} {
		r := newRig(t, nil)
		ann, bob := r.join("ann"), r.join("bob")
		ann.ask("call:user", `{"to":"bob","signal":`+offer(1)+`}`)
		bob.wants("call:incoming")
		_ = ann.ws.WriteMessage(8, []byte{byte(code >> 8), byte(code & 0xff)})
		eq(t, "bob", bob.wants("call:peer")[len(`{"callId":"xxxxxxxxxxxxxxxxxxxxxx",`):], `"state":"reconnecting"}`)
		p := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
		p.greeted()
		if !p.hello.Resumed {
			t.Errorf("close %d: not resumed", code)
		}
		eq(t, "bob", bob.wants("call:peer")[len(`{"callId":"xxxxxxxxxxxxxxxxxxxxxx",`):], `"state":"back"}`)
	}
}

func TestC9_LostAfterTheWindow(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.ResumeWindow = 100 * time.Millisecond })
	ann, bob := r.join("ann"), r.join("bob")
	ann.ask("call:user", `{"to":"bob","signal":`+offer(1)+`}`)
	bob.wants("call:incoming")
	ann.cut()
	if got := bob.wants("call:end"); !strings.HasSuffix(got, endedBy("lost")) {
		t.Errorf("bob hears %s", got)
	}
	until(t, "ann is forgotten", func() bool { return r.srv.Len() == 1 && r.sw.Sessions() == 1 })
}

func TestC9_PingTimeout(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) {
		c.PingInterval, c.PingTimeout, c.ResumeWindow = 200*time.Millisecond, 500*time.Millisecond, 150*time.Millisecond
	})
	deaf := r.join("ann") // reads nothing more, so answers no ping
	alive := r.join("bob")
	done := make(chan struct{})
	go func() { // answers pings
		defer close(done)
		for {
			if _, _, err := alive.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	until(t, "the deaf one is gone", func() bool { return r.srv.linkOf(deaf.hello.SID) == nil })
	if l := r.srv.linkOf(alive.hello.SID); l == nil || l.socket() == nil {
		t.Error("the one that answers pings was cut")
	}
	alive.cut()
	<-done
}

func TestI3_TokenExpires(t *testing.T) {
	r := newRig(t, func(_ *Config, s *signaling.Config) { s.AuthExpiringBefore = 2 * time.Second })
	p := r.dial("token="+tokenFor("ann", 2*time.Second), nil)
	p.greeted()
	p.wants("auth:expiring")
	p.wantClose(wire.CloseTokenExpired.Code, wire.CloseTokenExpired.Reason)
	until(t, "nothing to resume", func() bool { return r.srv.Len() == 0 })
}

// TestC9_SessionThatIsBeingEndedIsNotResumed: its socket may hang, and is closed
// some time later. The device starts anew.
func TestC9_SessionThatIsBeingEndedIsNotResumed(t *testing.T) {
	for name, end := range map[string]func(r *rig, ann *peer){
		"by a back end": func(r *rig, ann *peer) {
			if reach, err := r.sw.Disconnect(t.Context(), "ann", ""); err != nil || reach.Devices != 1 {
				t.Fatalf("ended %+v, %v", reach, err)
			}
		},
		"by its token": func(r *rig, ann *peer) { r.srv.linkOf(ann.hello.SID).Close(wire.CloseTokenExpired) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			ann, bob := r.join("ann"), r.join("bob")
			end(r, ann) // who does not read on, and so does not answer the close frame
			back := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
			back.greeted()
			if h := back.hello; h.Resumed || h.SID == ann.hello.SID || h.Device != ann.hello.Device {
				t.Errorf("hello %+v after %+v", h, ann.hello)
			}
			bob.receipt("ann", 1)
			eq(t, "hears", back.next(), seen(1))
		})
	}
}

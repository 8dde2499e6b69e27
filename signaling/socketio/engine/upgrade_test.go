package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// probe opens a WebSocket for a polling session.
func (r *rig) probe(q string) *socket {
	return r.mustDial(strings.Replace(q, "polling", "websocket", 1))
}

func (r *rig) probed(q string) *socket {
	r.t.Helper()
	c := r.probe(q)
	c.send("2probe")
	c.want("3probe")
	return c
}

func TestUpgrade_Completes(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	poll := r.pending(q)
	c := r.probed(q)
	wantAnswer(t, poll, 200, "6")
	if s.Transport() != engine.Polling {
		t.Error("upgraded too early")
	}
	s.Queue(engine.MustArrive, false, []byte("waiting"))
	s.Queue(engine.MustArrive, true, []byte{1})
	c.send("5")
	c.want("4waiting")
	c.want("\x01")
	c.send("4hello")
	c.want("4hello")
	if s.Transport() != engine.WebSocket {
		t.Error("not upgraded")
	}
	r.wantRefusal("GET", q, 400, engine.BadRequest)
	r.wantRefusal("POST", q, 400, engine.BadRequest)
	second := r.probe(q)
	second.wantClosed(engine.CodeForbidden)
	c.send("4still")
	c.want("4still")
	r.wantOpen()
}

func TestUpgrade_NoopIsRepeated(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	c := r.probed(q)
	start := time.Now()
	for range 3 {
		r.wantPoll(q, "6")
	}
	if d := time.Since(start); d < 150*time.Millisecond || d > 2*time.Second {
		t.Errorf("three noops in %v", d)
	}
	c.send("5")
	c.send("4x")
	c.want("4x")
}

func TestUpgrade_PollOvertakesUpgradePacket(t *testing.T) {
	r := newRig(t, engine.Config{})
	for range 20 {
		q := r.poller()
		c := r.probed(q)
		c.send("5")
		r.wantRefusal("GET", q, 400, engine.BadRequest)
		c.send("4x")
		c.want("4x")
	}
}

func TestUpgrade_OrderIsKept(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	const n = 2000
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range n {
			s.Queue(engine.MustArrive, false, fmt.Append(nil, i))
			s.Flush()
			if i%50 == 0 {
				time.Sleep(time.Millisecond) // spread over the upgrade
			}
		}
	}()
	next := 0
	take := func(packet string) {
		if packet == "6" {
			return
		}
		if packet != fmt.Sprint("4", next) {
			t.Fatalf("got %q, want %d", packet, next)
		}
		next++
	}
	poll := func() {
		_, body := r.request("GET", q, "")
		for _, packet := range strings.Split(body, "\x1e") {
			take(packet)
		}
	}
	for next < n/4 {
		poll()
	}
	c := r.probed(q)
	poll()
	c.send("5")
	for next < n {
		take(c.read())
	}
	<-sent
}

func TestUpgrade_FailedProbeChangesNothing(t *testing.T) {
	r := newRig(t, engine.Config{UpgradeTimeout: 250 * time.Millisecond})
	q := r.poller()
	<-r.opened
	works := func() {
		t.Helper()
		r.wantPost(q, "4x")
		r.wantPoll(q, "4x")
		r.wantOpen()
	}
	for _, packet := range []string{"4early", "2", "2probex", "3probe", ""} {
		c := r.probe(q)
		c.send(packet)
		c.wantClosed(engine.CodeParseError)
		works()
	}
	c := r.probe(q)
	_ = c.WriteMessage(websocket.BinaryMessage, []byte("2probe"))
	c.wantClosed(engine.CodeParseError)
	works()
	c = r.probed(q) // the client goes away
	c.Close()
	works()
	c = r.mustDialEventually(q) // silence
	c.wantClosed(engine.CodeForbidden)
	works()
	c = r.mustDialEventually(q) // half done
	c.send("2probe")
	c.want("3probe")
	c.wantClosed(engine.CodeForbidden)
	works()
	c = r.mustDialEventually(q) // and at last it works
	c.send("2probe")
	c.want("3probe")
	c.send("5")
	c.send("4done")
	c.want("4done")
}

// mustDialEventually opens a probe that is not refused because the one before
// has not quite ended: it must answer.
func (r *rig) mustDialEventually(q string) *socket {
	r.t.Helper()
	sid := q[strings.Index(q, "sid=")+4:]
	for end := time.Now().Add(patience); r.srv.Probing(sid); {
		if time.Now().After(end) {
			r.t.Fatal("the probe does not end")
		}
		time.Sleep(time.Millisecond)
	}
	return r.probe(q)
}

func TestUpgrade_SecondProbeIsClosed(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	first := r.probed(q)
	second := r.probe(q)
	second.wantClosed(engine.CodeForbidden)
	first.send("5")
	first.send("4x")
	first.want("4x")
}

func TestUpgrade_OfAWebSocketSession(t *testing.T) {
	r := newRig(t, engine.Config{})
	c, o := r.connect()
	r.mustDial("EIO=4&transport=websocket&sid=" + o.SID).wantClosed(engine.CodeForbidden)
	c.send("4x")
	c.want("4x")
}

func TestUpgrade_SessionEndsMeanwhile(t *testing.T) {
	r := newRig(t, engine.Config{})
	for i, end := range []func(*engine.Socket){(*engine.Socket).Abort, func(s *engine.Socket) {
		s.Fail(engine.ReasonParseError, engine.CodeParseError, nil)
	}} {
		q := r.poller()
		s := <-r.opened
		c := r.probed(q)
		end(s)
		c.wantClosed(engine.CodeForbidden)
		r.wantClose([]engine.Reason{engine.ReasonForced, engine.ReasonParseError}[i])
	}
}

func TestUpgrade_ServerClosesDuringProbe(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	c := r.probed(q)
	s.Queue(engine.MustArrive, false, []byte("last"))
	s.Close()
	c.send("5")
	c.want("4last")
	c.wantClosed(1000)
	r.wantClose(engine.ReasonForced)
}

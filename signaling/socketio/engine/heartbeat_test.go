package engine_test

import (
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// quick are timings that let a test see a few heartbeats.
var quick = engine.Config{PingInterval: 60 * time.Millisecond, PingTimeout: 200 * time.Millisecond}

func TestHeartbeat_Polling(t *testing.T) {
	r := newRig(t, quick)
	q := r.poller()
	for range 3 {
		start := time.Now()
		r.wantPoll(q, "2")
		if d := time.Since(start); d < 40*time.Millisecond {
			t.Errorf("ping after %v", d)
		}
		r.wantPost(q, "3")
	}
	r.wantOpen()
}

func TestHeartbeat_WebSocket(t *testing.T) {
	r := newRig(t, quick)
	c, _ := r.connect()
	for range 6 {
		c.want("2")
		c.send("3")
	}
	r.wantOpen()
}

func TestHeartbeat_NoPong(t *testing.T) {
	r := newRig(t, quick)
	start := time.Now()
	c, _ := r.connect()
	c.wantClosed(engine.CodePingTimeout)
	if d := time.Since(start); d < 260*time.Millisecond || d > 2*time.Second {
		t.Errorf("after %v", d)
	}
	r.wantClose(engine.ReasonPingTimeout)

	q := r.poller()
	r.wantPoll(q, "2")
	poll := r.pending(q)
	r.wantClose(engine.ReasonPingTimeout)
	wantAnswer(t, poll, 200, "1")
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

// The server's timers are coarse, but a client that comes exactly at the end of
// its time is too late.
func TestHeartbeat_ExactToTheRequest(t *testing.T) {
	for range 5 {
		r := newRig(t, engine.Config{PingInterval: 50 * time.Millisecond, PingTimeout: 30 * time.Millisecond})
		q := r.poller()
		r.wantPoll(q, "2") // its time for the pong began before this came
		<-time.After(30 * time.Millisecond)
		r.wantRefusal("GET", q, 400, engine.UnknownSession)
		r.wantClose(engine.ReasonPingTimeout)
	}
}

func TestC9_SetHeartbeat(t *testing.T) {
	r := newRig(t, engine.Config{}) // every 25 s
	c, _ := r.connect()
	s := <-r.opened
	s.SetHeartbeat(30*time.Millisecond, 100*time.Millisecond)
	c.want("2")
	c.send("3")
	c.want("2")
	r.wantClose(engine.ReasonPingTimeout)
}

func TestHeartbeat_UnaskedPongIsIgnored(t *testing.T) {
	r := newRig(t, quick)
	c, _ := r.connect()
	for range 10 {
		c.send("3")
	}
	c.want("2")
	r.wantClose(engine.ReasonPingTimeout)
}

// beats notes what was queued before pings that were answered.
type beats struct {
	echo
	pings, pongs chan struct{}
}

func (b *beats) OnPing(*engine.Socket) { b.pings <- struct{}{} }
func (b *beats) OnPong(*engine.Socket) { b.pongs <- struct{}{} }

func TestHeartbeater(t *testing.T) {
	r := &rig{t: t, closed: make(chan engine.Close, 10)}
	b := &beats{echo{r}, make(chan struct{}, 10), make(chan struct{}, 10)}
	r.start(quick, func(*engine.Socket, *engine.Handshake) engine.Handler { return b })
	c, _ := r.connect()
	c.want("2")
	<-b.pings
	if len(b.pongs) != 0 {
		t.Fatal("pong before it came")
	}
	c.send("3")
	<-b.pongs
}

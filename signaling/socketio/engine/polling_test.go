package engine_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

func TestPolling_Payloads(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	r.wantPost(q, "4hello")
	r.wantPoll(q, "4hello")
	r.wantPost(q, "4a\x1e4b\x1e4c")
	r.wantPoll(q, "4a\x1e4b\x1e4c")
	r.wantPost(q, "4hello\x1ebAQIDBA==")
	r.wantPoll(q, "4hello\x1ebAQIDBA==")
	r.wantPost(q, "bAQIDBA") // without padding
	r.wantPoll(q, "bAQIDBA==")
	r.wantPost(q, "4ünïcode €")
	r.wantPoll(q, "4ünïcode €")
	r.wantPost(q, "6") // nothing to say
	r.wantPost(q, "4")
	r.wantPoll(q, "4")
	r.wantOpen()
}

func TestPolling_WaitingPollGetsMessageAtOnce(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	poll := r.pending(q)
	s.Queue(engine.MustArrive, false, []byte("one"), []byte("two"))
	s.Queue(engine.MustArrive, true, []byte{1})
	s.Flush()
	wantAnswer(t, poll, 200, "4onetwo\x1ebAQ==")
}

func TestPolling_BadPayloadEndsSession(t *testing.T) {
	for _, body := range []string{"abc", "", "4ok\x1e", "9", "b!!!", "4\xff\xfe", "\x1e4a", "bAQ==AQ"} {
		r := newRig(t, engine.Config{})
		q := r.poller()
		res, text := r.request("POST", q, body)
		if res.StatusCode != 400 || !strings.HasPrefix(text, `{"code":3`) {
			t.Errorf("%q: %d %s", body, res.StatusCode, text)
		}
		r.wantClose(engine.ReasonParseError)
		r.wantRefusal("GET", q, 400, engine.UnknownSession)
	}
}

func TestPolling_PingFromClientEndsSession(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	if res, _ := r.request("POST", q, "2"); res.StatusCode != 400 {
		t.Errorf("%d", res.StatusCode)
	}
	r.wantClose(engine.ReasonTransportError)
}

func TestPolling_OverlappingPolls(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	first := r.pending(q)
	r.wantRefusal("GET", q, 400, engine.BadRequest)
	wantAnswer(t, first, 200, "1")
	r.wantClose(engine.ReasonTransportError)
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

func TestPolling_OverlappingPosts(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	// The first one never ends.
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /engine.io/?"+q+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc")
	for { // until the server has seen it, a POST is fine
		res, _ := r.request("POST", q, "4x")
		if res.StatusCode == 400 {
			break
		}
	}
	r.wantClose(engine.ReasonTransportError)
}

func TestPolling_CancelledPollEndsSession(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	ctx, cancel := context.WithCancel(context.Background())
	r.pendingCtx(ctx, q)
	cancel()
	r.wantClose(engine.ReasonTransportError)
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

func TestPolling_BrokenOffPostEndsSession(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST /engine.io/?"+q+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4abc")
	conn.Close()
	r.wantClose(engine.ReasonTransportError)
}

func TestPolling_OversizedPost(t *testing.T) {
	r := newRig(t, engine.Config{MaxPayload: 100})
	q := r.poller()
	r.wantPost(q, "4"+strings.Repeat("x", 99))
	r.wantPoll(q, "4"+strings.Repeat("x", 99))
	if res, body := r.request("POST", q, "4"+strings.Repeat("x", 100)); res.StatusCode != 413 || body != "" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	// Of unknown length.
	req, _ := http.NewRequest("POST", r.url+"/engine.io/?"+q, io.MultiReader(strings.NewReader("4"+strings.Repeat("x", 1000))))
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("chunked: %d", res.StatusCode)
	}
	r.wantOpen()
}

func TestPolling_OctetStreamEndsSession(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	if res, _ := r.request("POST", q, "4a", "Content-Type", "application/octet-stream"); res.StatusCode != 400 {
		t.Errorf("%d", res.StatusCode)
	}
	r.wantClose(engine.ReasonTransportError)
}

func TestPolling_ClientCloses(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	poll := r.pending(q)
	r.wantPost(q, "1")
	wantAnswer(t, poll, 200, "6")
	if c := r.wantClose(engine.ReasonTransportClose); c.Code != 1005 {
		t.Errorf("code %d", c.Code)
	}
	r.wantRefusal("GET", q, 400, engine.UnknownSession)

	q = r.poller() // without a poll
	r.wantPost(q, "1\x1e4ignored")
	r.wantClose(engine.ReasonTransportClose)
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

func TestPolling_ServerCloses(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	poll := r.pending(q)
	s.Queue(engine.MustArrive, false, []byte("last"))
	s.Close()
	wantAnswer(t, poll, 200, "4last") // not with the close packet, see Close
	r.wantPoll(q, "1")
	r.wantClose(engine.ReasonForced)

	q = r.poller() // nothing is queued
	s = <-r.opened
	poll = r.pending(q)
	s.Close()
	wantAnswer(t, poll, 200, "1")
	r.wantClose(engine.ReasonForced)

	q = r.poller() // the client says goodbye in place of polling again
	s = <-r.opened
	poll = r.pending(q)
	s.Queue(engine.MustArrive, false, []byte("last"))
	s.Close()
	wantAnswer(t, poll, 200, "4last")
	r.wantPost(q, "1")
	r.wantClose(engine.ReasonTransportClose)

	q = r.poller() // what is queued waits for a poll
	s = <-r.opened
	s.Queue(engine.MustArrive, false, []byte("last"))
	s.Close()
	if s.Queue(engine.MustArrive, false, []byte("late")) {
		t.Error("queued after Close")
	}
	r.wantPost(q, "4ignored")
	r.wantPoll(q, "4last")
	r.wantPoll(q, "1")
	r.wantClose(engine.ReasonForced)
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

func TestPolling_ServerClosesAndNobodyPolls(t *testing.T) {
	r := newRig(t, engine.Config{CloseTimeout: 50 * time.Millisecond})
	r.poller()
	(<-r.opened).Close()
	r.wantClose(engine.ReasonForced)
}

func TestPolling_Abort(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	poll := r.pending(q)
	s.Abort()
	wantAnswer(t, poll, 200, "1")
	if c := r.wantClose(engine.ReasonForced); c.Code != 0 {
		t.Errorf("code %d", c.Code)
	}
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

// A client that gets messages and the close in one payload handles the close
// first and comes back with an offset from before the messages.
func TestPolling_AbortWithMessagesWaiting(t *testing.T) {
	r := newRig(t, engine.Config{})
	q := r.poller()
	s := <-r.opened
	poll := r.pending(q)
	s.Queue(engine.MustArrive, false, []byte("waits"))
	s.Abort()
	wantAnswer(t, poll, 200, "4waits")
	r.wantClose(engine.ReasonForced)
	r.wantRefusal("GET", q, 400, engine.UnknownSession)
}

func TestO4_PollingClientThatNeverPolls(t *testing.T) {
	r := newRig(t, engine.Config{MaxQueue: 1000, DropAbove: 500})
	r.poller()
	s := <-r.opened
	chunk := make([]byte, 100)
	for s.Queue(engine.Droppable, true, chunk) {
		if s.Pending() > 700 {
			t.Fatal("droppable packets are not dropped")
		}
	}
	for s.Queue(engine.MustArrive, true, chunk) {
		if s.Pending() > 1200 {
			t.Fatal("the queue is not bounded")
		}
	}
	r.wantClose(engine.ReasonSlow)
}

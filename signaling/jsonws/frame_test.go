package jsonws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

func TestFrame_AcksAndErrors(t *testing.T) {
	r := newRig(t, nil)
	p := r.join("ann")
	p.write(`{"id":9007199254740993,"args":[],"event":"ice:servers","other":{"x":[1]}}`)
	eq(t, "ack", p.acked(9007199254740993), `{"iceServers":[],"ttl":86400}`)
	p.write(`{"event":"ping","id":0}`)
	p.acked(0)
	eq(t, "error ack", p.ask("no such event", `{}`), "!unknown_event")
	eq(t, "bad payload", p.ask("call:user", `17`), "!bad_payload")
	p.emit("call:signal", `{}`)
	eq(t, "error event", p.wants("error"), `{"code":"bad_payload","message":"callId is missing.","event":"call:signal"}`)
	p.write(`{"event":"typing","args":[{"receiverId":"bob"}],"id":4}`)
	eq(t, "an ack without arguments", p.acked(4), ``)
	// The raw form of both.
	p.write(`{"event":"call:end","args":[{}],"id":7}`)
	for {
		_, data, err := p.ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(`"ack"`)) {
			eq(t, "frame", string(data), `{"ack":7,"error":{"code":"not_in_call","message":"You are not in this call."}}`)
			break
		}
	}
}

func TestFrame_EscapedNamesAreTheSame(t *testing.T) {
	r := newRig(t, nil)
	p := r.join("ann")
	p.write(`{"\u0065vent":"pi\u006eg","id":1}`)
	if got := p.acked(1); !strings.HasPrefix(got, `{"serverTime":`) {
		t.Errorf("ack %s", got)
	}
}

// TestBadInput_DisturbsNobody: each bad frame gets its answer, the socket lives
// on, and so do the others.
func TestBadInput_DisturbsNobody(t *testing.T) {
	r := newRig(t, nil)
	bob := r.join("bob")
	ann := r.join("ann")
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for _, bad := range []string{
		``, ` `, `null`, `17`, `"event"`, `[]`, `{}`, `{"event":7}`, `{"event":""}`, `{"event":"ping","args":{}}`, `{"event":"ping","args":null}`,
		`{"event":"ping","id":-1}`, `{"event":"ping","id":1.5}`, `{"event":"ping","id":"1"}`, `{"event":"ping"`, `{"event":"ping"}}`,
		`{"event":"ping","args":[` + deep + `]}`, `{"event":"ping","id":99999999999999999999}`, deep,
	} {
		ann.write(bad)
		if got := ann.wants("error"); !strings.HasPrefix(got, `{"code":"bad_payload"`) || !strings.HasSuffix(got, `"event":""}`) {
			t.Errorf("%.60q is answered %s", bad, got)
		}
	}
	if err := ann.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"event":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	ann.wants("error")
	ann.sent()
	bob.sent()
}

func TestClose_BadFrames(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann"), r.join("bob")
	for range maxBadFrames + 1 {
		ann.write(`[]`)
	}
	ann.wantClose(wire.CloseBadFrame.Code, wire.CloseBadFrame.Reason)
	bob.sent()
	// Good ones in between reset the count.
	for range maxBadFrames {
		bob.write(`[]`)
	}
	bob.sent()
	for range maxBadFrames {
		bob.write(`[]`)
	}
	bob.sent()
}

func TestClose_InvalidUTF8AndTooBig(t *testing.T) {
	r := newRig(t, func(c *Config, _ *signaling.Config) { c.WS.MaxMessage = 4096 })
	bob := r.join("bob")
	ann := r.join("ann")
	ann.write("{\"event\":\"\xff\"}")
	ann.wantClose(wire.CloseBadText.Code, wire.CloseBadText.Reason)
	cat := r.join("cat")
	if cat.hello.MaxPayload != 4096 {
		t.Errorf("hello says maxPayload %d", cat.hello.MaxPayload)
	}
	_ = cat.ws.WriteMessage(websocket.TextMessage, make([]byte, 5000))
	if c := cat.closed(); c.Code != wire.CloseTooBig.Code {
		t.Errorf("closed with %d, want 1009", c.Code)
	}
	bob.sent()
	back := r.dial(resumeQuery(ann, "ann", ann.seq), nil) // a bad frame is no goodbye
	back.greeted()
	if !back.hello.Resumed {
		t.Error("not resumed after 1007")
	}
}

func TestClose_FarTooManyEvents(t *testing.T) {
	r := newRig(t, func(_ *Config, s *signaling.Config) { s.EventRate, s.EventBurst = 1, 5 })
	ann, bob := r.join("ann"), r.join("bob")
	go func() {
		for range 400 {
			if ann.ws.WriteMessage(websocket.TextMessage, []byte(`{"event":"ping"}`)) != nil {
				return
			}
		}
	}()
	ann.wantClose(wire.CloseRateLimited.Code, wire.CloseRateLimited.Reason)
	bob.sent()
}

// TestO4_SlowReaderIsCutAndMayResume: it delays nobody.
func TestO4_SlowReaderIsCutAndMayResume(t *testing.T) {
	r := newRig(t, func(c *Config, s *signaling.Config) {
		c.WS.MaxQueue = 64 << 10
		c.ReplayBytes = 64 << 20
		c.ReplayEvents = 1 << 20
		s.EventRate = 1e9
	})
	ann, bob := r.join("ann"), r.join("bob")
	_ = ann.ws.NetConn().(*net.TCPConn).SetReadBuffer(4096)
	link := r.srv.linkOf(ann.hello.SID)
	bob.ask("call:user", `{"to":"ann","signal":`+offer(1)+`}`)
	big := fmt.Sprintf(`{"candidate":%q}`, strings.Repeat("c", 30_000))
	n := 0
	for ; link.socket() != nil; n++ { // ann reads nothing
		if n > 20_000 {
			t.Fatal("a client that never reads is not cut")
		}
		bob.receipt("ann", n)
		bob.write(fmt.Sprintf(`{"event":"call:user","args":[{"to":"ann","signal":{"type":"candidate","n":%d,"candidate":%s}}]}`, n, big))
		if n%16 == 15 {
			bob.sent()
		}
	}
	bob.sent()
	back := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
	back.greeted()
	if !back.hello.Resumed {
		t.Error("a slow reader can not resume")
	}
}

func TestClose_LeavesNothing(t *testing.T) {
	r := newRig(t, nil)
	guest := r.dial("", nil)
	peers := []*peer{r.join("ann"), r.join("bob"), r.join("cat"), guest}
	peers[0].cut() // away
	link := r.srv.linkOf(peers[0].hello.SID)
	until(t, "ann is away", func() bool { return link.socket() == nil })
	r.srv.Close()
	for _, p := range peers[1:] {
		p.closed()
	}
	if r.srv.Len() != 0 || r.sw.Sessions() != 0 || r.srv.waiting.len() != 0 {
		t.Errorf("left: %d links, %d sessions, %d guests", r.srv.Len(), r.sw.Sessions(), r.srv.waiting.len())
	}
	if _, res, err := r.tryDial("token="+token("ann"), nil); err == nil || res.StatusCode != 503 {
		t.Errorf("a closed server: %v %v, want 503", res, err)
	}
}

// TestClose_WhileClientsComeAndGo: connects, cuts, resumes and goodbyes from
// many goroutines, and the server closed in the middle of it.
func TestClose_WhileClientsComeAndGo(t *testing.T) {
	r := newRig(t, nil)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	busy := make(chan struct{}, 1000)
	for g := range 12 {
		wg.Go(func() {
			user := fmt.Sprint("u", g%4)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				p, _, err := r.tryDial("token="+token(user)+"&deviceId="+fmt.Sprint("d", g%6), nil)
				if err != nil {
					return
				}
				f, err := p.tryRead()
				if err == nil && f.Event == "hello" && json.Unmarshal(f.Args[0], &p.hello) == nil {
					_ = p.ws.WriteMessage(websocket.TextMessage, []byte(`{"event":"call:user","args":[{"to":"u1","signal":`+offer(i+1)+`}]}`))
					if i%3 == 0 {
						if q, _, err := r.tryDial(resumeQuery(p, user, 0), nil); err == nil {
							_, _ = q.tryRead()
							q.cut()
						}
					}
				}
				if i%2 == 0 {
					_ = p.ws.WriteMessage(websocket.TextMessage, []byte(`{"event":"disconnect"}`))
				}
				p.cut()
				select {
				case busy <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 150 {
		<-busy
	}
	r.srv.Close()
	close(stop)
	wg.Wait()
	if links, sessions := r.srv.Len(), r.sw.Sessions(); links != 0 || sessions != 0 {
		t.Errorf("%d links and %d sessions are left", links, sessions)
	}
	if n, err := r.sw.LiveCalls(t.Context()); n != 0 || err != nil {
		t.Errorf("%d calls are live (%v)", n, err)
	}
}

// TestCall_BetweenTwoDevices is one call, as the protocol's example goes.
func TestCall_BetweenTwoDevices(t *testing.T) {
	r := newRig(t, nil)
	ann, bob := r.join("ann", "deviceId=laptop"), r.join("bob", "deviceId=phone")
	ack := ann.ask("call:user", `{"to":"bob","signal":`+offer(1)+`,"callerName":"Ann","isVideoCall":true}`)
	var call struct{ CallID, State string }
	if err := json.Unmarshal([]byte(ack), &call); err != nil || call.State != "ringing" {
		t.Fatalf("ack %s", ack)
	}
	var in struct {
		CallID    string
		ExpiresAt int64
	}
	if err := json.Unmarshal([]byte(bob.wants("call:incoming")), &in); err != nil || in.CallID != call.CallID {
		t.Fatalf("incoming %+v, want %s", in, call.CallID)
	}
	if left := time.Until(time.UnixMilli(in.ExpiresAt)); left < 30*time.Second || left > 45*time.Second {
		t.Errorf("expires in %v", left)
	}
	bob.ask("call:answer", fmt.Sprintf(`{"callId":%q,"signal":{"type":"answer","sdp":""}}`, call.CallID))
	eq(t, "accepted", ann.wants("call:accepted"), fmt.Sprintf(`{"type":"answer","sdp":""},{"callId":%q,"by":"bob","device":"phone","extended":true}`, call.CallID))
	ann.ask("call:end", fmt.Sprintf(`{"callId":%q}`, call.CallID))
	eq(t, "end", bob.wants("call:end"), fmt.Sprintf(`{"callId":%q,"reason":"hangup"}`, call.CallID))
}

func TestConfig_Validate(t *testing.T) {
	var c Config
	if c.Validate() == nil {
		t.Error("without a verifier and a wheel: accepted")
	}
	if _, err := NewServer(Config{}, nil); err == nil {
		t.Error("NewServer without its parts: accepted")
	}
}

func TestReplay_Bounds(t *testing.T) {
	cfg := Config{ReplayBytes: 500, ReplayEvents: 4, PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second, ResumeWindow: 20 * time.Second}
	now := time.Unix(1_800_000_000, 0)
	var r replay
	ev := func(n int) *wire.Event { return &wire.Event{Name: "e", Args: bytes.Repeat([]byte("1"), n)} }
	for range 6 {
		r.add(ev(10), now, &cfg)
	}
	if len(r.kept) != 4 || r.dropped != 2 || r.seq != 6 {
		t.Fatalf("kept %d, dropped %d, seq %d", len(r.kept), r.dropped, r.seq)
	}
	for seq, want := range map[uint64]int{1: -1, 2: 4, 4: 2, 6: 0, 7: -1} {
		got, ok := r.after(seq)
		if ok != (want >= 0) || (ok && len(got) != want) {
			t.Errorf("after(%d) is %d events, %t; want %d", seq, len(got), ok, want)
		}
	}
	r.add(ev(600), now, &cfg) // larger than the whole buffer
	if _, ok := r.after(6); ok {
		t.Error("an event that was never kept is said to be there")
	}
	if _, ok := r.after(7); !ok {
		t.Error("the end is lost")
	}
	var old replay
	old.add(ev(10), now, &cfg)
	old.add(ev(10), now.Add(2*time.Minute), &cfg) // the first has arrived long ago
	if len(old.kept) != 1 || old.bytes != len(old.kept[0].frame) {
		t.Errorf("kept %d events, %d bytes", len(old.kept), old.bytes)
	}
	old.confirm(2)
	if len(old.kept) != 0 || old.bytes != 0 {
		t.Errorf("after confirm: %d events, %d bytes", len(old.kept), old.bytes)
	}
}

// FuzzFrame: the parser never panics, and what it takes is JSON.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{`{"event":"call:user","args":[{"to":"b"},1],"id":7}`, `{"event":"x"}`, `{"event":"\u0000","args":[[],{}]}`,
		`{"id":1e3,"event":"x"}`, `{"event":"x","args":[1,2,3,4,5,6,7,8,9,10]}`, `[`, `{"event":"x","event":""}`, "{\"event\":\"\xff\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var fr frame
		if !fr.parse(data) {
			return
		}
		if !json.Valid(data) || len(fr.event) == 0 || (fr.hasID && fr.id < 0) {
			t.Fatalf("%q was taken for event %q id %d", data, fr.event, fr.id)
		}
		for _, a := range fr.args {
			if !json.Valid(a) {
				t.Fatalf("%q: argument %q", data, a)
			}
		}
		out := appendEvent(nil, &wire.Event{Name: "e", Args: bytes.Join(fr.args, []byte(","))}, 3)
		if !json.Valid(out) || !json.Valid(appendAck(nil, fr.id, nil)) || !json.Valid(appendFail(nil, fr.id, wire.Errorf(wire.CodeBusy, ""))) ||
			!json.Valid(appendErrorEvent(nil, wire.Errorf(wire.CodeBusy, ""), string(fr.event))) {
			t.Fatalf("what answers %q is no JSON: %s", data, out)
		}
	})
}

// FuzzAuthFrame: what a guest sends never panics and is never half understood.
func FuzzAuthFrame(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"token":"t","userId":"u","deviceId":"d","resume":{"token":"a.b","lastSeq":7}}`, `{"resume":7}`, `{"token":{}}`, `{"resume":{"lastSeq":-1}}`, ` `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, obj []byte) {
		g := &guest{}
		if p := g.read(obj); p != nil {
			if p.Code != wire.CodeBadPayload {
				t.Fatalf("%q: %v", obj, p)
			}
			return
		}
		// Nothing counts as null; an argument is never empty.
		if len(bytes.TrimSpace(obj)) > 0 && !json.Valid(obj) {
			t.Fatalf("%q was taken", obj)
		}
	})
}

var _ wsconn.Handler = deaf{}

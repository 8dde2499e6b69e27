package call

import (
	"testing"
	"time"
)

func TestC9_VanishAndBack(t *testing.T) {
	s := answered(t, "A1", "B1")
	s.do(DeviceAway{Who: dev("B1")}).want("peer(reconnecting)>a").state(Answered, "")
	if d := Deadline(&s.c).Sub(s.now); d != 20*time.Second {
		t.Fatalf("deadline in %v", d)
	}
	// A second report does not move the window.
	s.after(5 * time.Second).do(DeviceAway{Who: dev("B1")}).want()
	s.do(SendSignal{dev("A1"), opaque("1")}).want()
	s.do(SendCandidates{dev("A1"), opaque("2")}).want()
	s.do(SendSignal{dev("A1"), opaque("1")}).want()
	s.do(DeviceOnline{Who: dev("B1"), Recovered: true}).want("peer(back)>a", "pending(3 items)>B1")
	if got := s.fx[1].Items; string(got[0].Signal) != `{"x":"1"}` || got[1].Kind != KeptCandidates || string(got[2].Signal) != `{"x":"1"}` {
		t.Fatalf("pending %+v", got)
	}
	if s.c.KeptBytes != 0 || len(s.c.Kept) != 0 || !Deadline(&s.c).IsZero() {
		t.Fatalf("left over: %+v", s.c)
	}
	s.do(DeviceOnline{Who: dev("B1"), Recovered: true}).want()
	s.do(SendSignal{dev("A1"), opaque("3")}).want("signal>B1")
}

func TestC9_LostWhenTheWindowIsOver(t *testing.T) {
	s := answered(t, "a1", "b1", "B2")
	s.do(DeviceAway{Who: dev("a1")}).want("peer(reconnecting)>b")
	s.after(20*time.Second - time.Millisecond).do(Timeout{}).want()
	s.after(time.Millisecond).do(Timeout{}).want("ended(lost)>a1", "ended(lost)>b1", endState(Lost)).state(Ended, Lost)
	// While it rings, too.
	s = ring(t, "a1", "b1").do(DeviceAway{Who: dev("a1"), Window: time.Second})
	s.after(time.Second).do(Timeout{}).want("ended(lost)>a1", "ended(lost)>b1", endState(Lost))
	// No window at all, or one that another part of the house watched.
	cfg := DefaultConfig()
	cfg.ResumeWindow = 0
	ringWith(t, cfg, func(*Ring) {}).do(DeviceAway{Who: dev("A1")}).state(Ended, Lost)
	s = answered(t, "a1", "b1").do(DeviceGone{Who: dev("b1"), Lost: true}).want("ended(lost)>a1", "ended(lost)>b1", endState(Lost))
	s.do(DeviceOnline{Who: dev("b1")}).want("ended(lost)>b1")
	// Ringing may time out inside the window.
	s = ring(t, "a1", "b1").after(40 * time.Second).do(DeviceAway{Who: dev("a1")})
	s.after(5*time.Second).do(Timeout{}).state(Ended, NoAnswer)
}

func TestC9_CleanEnd(t *testing.T) {
	ring(t, "a1", "b1").do(DeviceGone{Who: dev("a1")}).want("ended(cancelled)>b1", endState(Cancelled))
	answered(t, "a1", "b1").do(DeviceGone{Who: dev("a1")}).want("ended(hangup)>b1", endState(Hangup))
	answered(t, "a1", "b1").do(DeviceGone{Who: dev("b1")}).want("ended(hangup)>a1", endState(Hangup))
	// Other devices of the two come and go.
	s := answered(t, "a1", "b1", "b2")
	s.do(DeviceGone{Who: dev("b2")}).want().do(DeviceGone{Who: dev("a2")}).want().state(Answered, "")
	// A ringing device that closes its page does not decline.
	s = ring(t, "a1", "b1").do(DeviceGone{Who: dev("b1")}).want().state(Ringing, "")
	s.do(DeviceOnline{Who: dev("b9")}).want("incoming>b9")
	s.do(End{dev("a1")}).want("ended(cancelled)>b1+b9", endState(Cancelled))
	s.do(DeviceGone{Who: dev("a1")}).want()
}

func TestC9_NewsOfAnOlderSession(t *testing.T) {
	s := answered(t, "A1", "B1")
	w := dev("B1")
	w.Session = "s2"
	// The new page is there before the old socket's death is noticed.
	s.do(DeviceOnline{Who: w}).want("peer(reconnecting)>a", "peer(back)>a")
	s.do(DeviceAway{Who: dev("B1")}).want() // the old one
	s.do(DeviceGone{Who: dev("B1")}).want() // the old one
	s.state(Answered, "").do(DeviceAway{Who: w}).want("peer(reconnecting)>a")
}

func TestC9_BothAway(t *testing.T) {
	s := answered(t, "A1", "B1").do(DeviceAway{Who: dev("A1")})
	s.after(time.Second).do(DeviceAway{Who: dev("B1")}).want("peer(reconnecting)>a")
	w := dev("A1")
	w.Session = "s2"
	s.do(DeviceOnline{Who: w}).want("peer(back)>b", "peer(reconnecting)>A1")
	if d := Deadline(&s.c).Sub(s.now); d != 20*time.Second {
		t.Fatalf("deadline in %v", d)
	}
	s.do(DeviceOnline{Who: dev("B1"), Recovered: true}).want("peer(back)>a")
}

func TestC9_AnswerWhileTheCallerIsAway(t *testing.T) {
	s := ring(t, "a1", "b1").do(DeviceAway{Who: dev("a1")}).want("peer(reconnecting)>b")
	s.do(Answer{dev("b1"), sdp("answer", 2, 1)}).want("state(answered)>a", "state(answered)>b")
	s.do(Answer{dev("b1"), cand(1)}).want()
	s.do(DeviceOnline{Who: dev("a1"), Recovered: true}).want("peer(back)>b", "pending(2 items)>a1")
	if it := s.fx[1].Items; it[0].Kind != KeptAnswer || it[1].Kind != KeptSignal {
		t.Fatalf("pending %+v", it)
	}
}

func TestC9_ResumeByANewPage(t *testing.T) {
	s := answered(t, "A1", "B1").do(DeviceAway{Who: dev("A1")}).do(SendSignal{dev("B1"), opaque("1")})
	w := dev("A1")
	w.Session = "s2"
	s.do(DeviceOnline{Who: w}).want("peer(back)>b")
	s.do(Resume{w}).want("pending(resumed 1 items)>A1")
	s.do(Resume{w}).want("pending(resumed)>A1")
	s.fail(Resume{dev("c1")}, ErrNotInCall)
	s.do(End{dev("B1")}).fail(Resume{w}, ErrEnded).want()
	// Before the socket's own news.
	s = answered(t, "A1", "B1").do(DeviceAway{Who: dev("A1")}).do(Resume{w}).want("peer(back)>b", "pending(resumed)>A1")
	s.do(DeviceOnline{Who: w}).want()
	ring(t, "A1", "B1").do(Resume{w}).want("pending(resumed)>A1").fail(Resume{dev("B1")}, ErrNotAnswered)
}

func TestHandoffMovesOneSide(t *testing.T) {
	s := answered(t, "A1", "B1", "B2")
	s.do(Handoff{dev("B2")}).want("ended(answered_elsewhere)>B1", "pending(resumed)>B2")
	s.do(SendSignal{dev("A1"), opaque("1")}).want("signal>B2")
	s.fail(SendSignal{dev("B1"), opaque("2")}, ErrNotInCall)
	s.do(DeviceGone{Who: dev("B1")}).want()
	s.do(Handoff{dev("A2")}).want("ended(answered_elsewhere)>A1", "pending(resumed)>A2")
	s.do(End{dev("A2")}).want("ended(hangup)>B2", endState(Hangup))
	ring(t, "A1", "B1").fail(Handoff{dev("A2")}, ErrNotAnswered)
	// From a device that vanished: another device takes its live call again.
	s = answered(t, "A1", "B1", "B2").do(DeviceAway{Who: dev("B1")})
	s.do(Resume{dev("B2")}).want("ended(answered_elsewhere)>B1", "peer(back)>a", "pending(resumed)>B2")
	s.do(DeviceOnline{Who: dev("B1")}).want("ended(answered_elsewhere)>B1")
}

func TestC13_EndedMeanwhile(t *testing.T) {
	s := answered(t, "a1", "B1", "B2").do(DeviceAway{Who: dev("B1")}).do(End{dev("a1")}).want("ended(hangup)>B1", endState(Hangup))
	w := dev("B1")
	w.Session = "s2"
	s.do(DeviceOnline{Who: w}).want("ended(hangup)>B1")
	s.do(DeviceOnline{Who: w}).want()
	// The transport kept it.
	s = answered(t, "a1", "B1").do(DeviceAway{Who: dev("B1")}).do(End{dev("a1")})
	s.do(DeviceOnline{Who: dev("B1"), Recovered: true}).want()
	// A ringing device that was away when another one answered, or the caller gave up.
	s = ring(t, "a1", "B1", "B2").do(DeviceAway{Who: dev("B1")}).do(Answer{dev("B2"), sdp("answer", 2, 1)})
	s.do(DeviceOnline{Who: w}).want("ended(answered_elsewhere)>B1")
	s.do(DeviceOnline{Who: w}).want()
	s = ring(t, "a1", "B1").do(DeviceAway{Who: dev("B1")}).do(End{dev("a1")})
	s.do(DeviceOnline{Who: w}).want("ended(cancelled)>B1")
	s.do(DeviceOnline{Who: dev("B7")}).want()
}

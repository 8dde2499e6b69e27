package call

import (
	"errors"
	"testing"
	"time"
)

func TestC10_Supersede(t *testing.T) {
	// By the caller's own device, redialling: it hears nothing.
	s := ring(t, "a1", "b1", "B2").do(Supersede{Who: dev("a1"), By: "c2"}).want(
		"ended(superseded next=c2)>b1+B2", "state(ended superseded next=c2)>a", "state(ended superseded next=c2)>b", over)
	s.state(Ended, Superseded).do(Supersede{Who: dev("a1"), By: "c3"}).want()
	// By another page, the vanished one being told.
	s = answered(t, "a1", "b1").do(DeviceAway{Who: dev("a1")}).do(Supersede{Who: dev("a2"), By: "c2"})
	if got := show(s.fx[:2]); got != "ended(superseded next=c2)>a1\nended(superseded next=c2)>b1" {
		t.Fatal(got)
	}
	// By a device of the callee that calls somebody else instead.
	s = ring(t, "a1", "b1", "b2").do(Supersede{Who: dev("b1"), By: "c2"})
	if got := show(s.fx[:2]); got != "ended(superseded next=c2)>a1\nended(superseded next=c2)>b2" {
		t.Fatal(got)
	}
}

func TestAbort(t *testing.T) {
	ring(t, "a1", "b1").do(Abort{Failed}).want("ended(error)>a1", "ended(error)>b1", endState(Failed))
	ring(t, "a1", "b1").do(Abort{Forbidden}).want("unavailable(forbidden)>a1", "ended(forbidden)>b1", endState(Forbidden))
	s := answered(t, "a1", "b1").do(Abort{Transferred}).want("ended(transferred)>a1", "ended(transferred)>b1", endState(Transferred))
	s.do(Abort{Failed}).want().state(Ended, Transferred)
}

func TestC14_Record(t *testing.T) {
	s := ring(t, "a1", "b1").after(3 * time.Second).do(Answer{dev("b1"), sdp("answer", 2, 1)})
	s.after(90 * time.Second).do(End{dev("b1")})
	r := s.c.Record()
	if r.Duration != 90*time.Second || r.Reason != Hangup || r.CallerDevice != "a1" || r.CalleeDevice != "b1" ||
		!r.Started.Equal(t0) || !r.Answered.Equal(t0.Add(3*time.Second)) || r.Missed() {
		t.Fatalf("%+v", r)
	}
}

func TestC4_RefusedCallTellsOnlyTheAsker(t *testing.T) {
	c, fx := Refuse(Ring{ID: "c9", Caller: dev("a1"), Callee: "b", Signal: sdp("offer", 1, 1)}, Busy, t0)
	if got := show(fx); got != "unavailable(busy)>a1\nlog" {
		t.Fatal(got)
	}
	if c.State != Ended || c.Live() || !c.Record().Missed() {
		t.Fatalf("%+v", c)
	}
}

func TestP8_OutboxKeepsWhatIsNotAcked(t *testing.T) {
	s := ring(t, "A1", "B1").do(Answer{dev("B1"), sdp("answer", 2, 1)})
	if n := len(s.c.Outbox); n != 7 || s.c.Seq != 7 {
		t.Fatalf("%d effects, seq %d", n, s.c.Seq)
	}
	for i, e := range s.c.Outbox {
		if e.Seq != uint64(i+1) {
			t.Fatalf("effect %d has number %d", i, e.Seq)
		}
	}
	v := s.c.Version
	s.do(Ack{5}).want()
	if len(s.c.Outbox) != 2 || s.c.Outbox[0].Seq != 6 || s.c.Version != v+1 {
		t.Fatalf("outbox %+v", s.c.Outbox)
	}
	s.do(Ack{5}).do(Ack{3}).want()
	if s.c.Version != v+1 {
		t.Fatal("an empty ack is no change")
	}
	s.do(Ack{100})
	s.do(End{dev("A1")})
	if s.c.Outbox[0].Seq != 8 {
		t.Fatalf("numbers start over: %+v", s.c.Outbox[0])
	}
	// Two steps of one version do not disturb each other (a lost race).
	one, fx1, _ := Step(s.c, DeviceOnline{Who: dev("b7")}, s.now)
	_, _, _ = Step(s.c, Ack{8}, s.now)
	if len(fx1) != 0 || one.Version != s.c.Version {
		t.Fatal("unexpected change")
	}
}

func TestP8_TwoStepsOfOneVersionShareNothing(t *testing.T) {
	s := ring(t, "A1", "B1", "B2")
	a, fxa, _ := Step(s.c, Answer{dev("B1"), sdp("answer", 2, 1)}, s.now)
	snapshot := encoded(a)
	_, fxb, _ := Step(s.c, Answer{dev("B2"), sdp("answer", 3, 1)}, s.now)
	if encoded(a) != snapshot || fxa[0].By != "B1" || fxb[0].By != "B2" {
		t.Fatal("the loser of a race wrote into the winner")
	}
}

func TestStep_UnknownInput(t *testing.T) {
	s := ring(t, "A1", "B1")
	if _, _, err := Step(s.c, nil, s.now); !errors.Is(err, ErrInput) {
		t.Fatal(err)
	}
}

func TestConfig_Validate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	if (Config{}).Validate() == nil || (Config{RingTimeout: 1e9, OfflineRing: -1, ResumeWindow: -1, KeepSignals: -1, KeepBytes: -1}).Validate() == nil {
		t.Fatal("accepted nonsense")
	}
}

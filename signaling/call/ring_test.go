package call

import (
	"testing"
	"time"
)

func TestC2_AllDevicesRing(t *testing.T) {
	s := ring(t, "A1", "B1", "b2").want("incoming>b", "state(ringing)>a", "state(ringing)>b", "ringing(2)>A1").state(Ringing, "")
	// One that connects later rings too, with every signal so far.
	s.do(Repeat{dev("A1"), cand(1)}).want("incoming(again)>b")
	s.do(DeviceOnline{Who: dev("b3")}).want("incoming(1 items)>b3")
	if got := string(s.fx[0].Signal); got != string(sdp("offer", 1, 1).Raw) {
		t.Fatalf("incoming carries %s", got)
	}
	// The same news twice rings once.
	s.do(DeviceOnline{Who: dev("b3")}).want()
	s.do(Delivered{devs("b3", "B1")}).want()
	// A fresh page of the same device rings again, a recovered one does not.
	w := dev("B1")
	w.Session = "s2"
	s.do(DeviceOnline{Who: w}).want("incoming(1 items)>B1")
	s.do(DeviceAway{Who: w}).want()
	s.do(DeviceOnline{Who: w, Recovered: true}).want()
	// The caller's other devices do not ring, strangers are no party.
	s.do(DeviceOnline{Who: dev("A2")}).want()
	s.fail(DeviceOnline{Who: dev("c1")}, ErrNotInCall).want()
}

func TestC2_RingingIsToldOnce(t *testing.T) {
	s := ring(t, "A1").want("incoming>b", "state(ringing)>a", "state(ringing)>b")
	s.do(Delivered{devs("b1")}).want("ringing(1)>A1")
	s.do(Delivered{devs("b1", "b2")}).want()
	if len(s.c.Rung) != 2 {
		t.Fatalf("rung: %+v", s.c.Rung)
	}
	ring(t, "a1", "b1").want("incoming>b", "state(ringing)>a", "state(ringing)>b") // a base caller knows no call:ringing
}

func TestC2_LateDeliveryIsTakenBack(t *testing.T) {
	s := ring(t, "A1", "B1").do(End{dev("A1")})
	s.do(Delivered{devs("b2")}).want("ended(cancelled)>b2")
	s.do(Delivered{devs("b2", "B1")}).want()
	s = answered(t, "A1", "B1")
	s.do(Delivered{devs("B1", "b2")}).want("ended(answered_elsewhere)>b2")
}

func TestC5_Offline(t *testing.T) {
	off := func(r *Ring) { r.Offline = true }
	s := ringWith(t, DefaultConfig(), off).want("unavailable(offline)>A1", "log").state(Ended, Offline)
	if !s.c.Record().Missed() {
		t.Error("not counted as missed")
	}

	cfg := DefaultConfig()
	cfg.OfflineRing = 30 * time.Second
	s = ringWith(t, cfg, off).want("state(ringing)>a", "state(ringing)>b").state(Ringing, "")
	if !s.c.Offline {
		t.Error("not marked offline")
	}
	s.do(Repeat{dev("A1"), cand(1)}).want()
	// A woken phone rings on connect, for a whole ring.
	s.after(29*time.Second).do(DeviceOnline{Who: dev("B1")}).want("incoming(1 items)>B1", "ringing(1)>A1")
	if d := Deadline(&s.c).Sub(s.now); d != 45*time.Second || s.c.Offline {
		t.Errorf("deadline in %v, offline %v", d, s.c.Offline)
	}
	s.do(Answer{dev("B1"), sdp("answer", 2, 1)}).state(Answered, "")

	// Nobody came.
	s = ringWith(t, cfg, off)
	s.after(30*time.Second).do(Timeout{}).want("unavailable(offline)>A1", endState(Offline)).state(Ended, Offline)
	s.do(DeviceOnline{Who: dev("B1")}).want()
	// Cancelled meanwhile: no ghost ring.
	s = ringWith(t, cfg, off).do(End{dev("A1")}).want(endState(Cancelled))
	s.do(DeviceOnline{Who: dev("B1")}).want()
}

func TestC6_NoAnswer(t *testing.T) {
	s := ring(t, "a1", "B1", "b2")
	if d := Deadline(&s.c).Sub(t0); d != 45*time.Second {
		t.Fatalf("deadline after %v", d)
	}
	s.after(45*time.Second - time.Millisecond).do(Timeout{}).want()
	s.after(time.Millisecond).do(Timeout{}).want("unavailable(no_answer)>a1", "ended(no_answer)>B1+b2", endState(NoAnswer)).state(Ended, NoAnswer)
	if !s.c.Record().Missed() {
		t.Error("not counted as missed")
	}
	if !Deadline(&s.c).IsZero() {
		t.Error("an ended call has a deadline")
	}
	s.do(Timeout{}).want()

	short := ringWith(t, DefaultConfig(), func(r *Ring) { r.RingFor = 5 * time.Second })
	if d := Deadline(&short.c).Sub(t0); d != 5*time.Second {
		t.Errorf("ringFor: deadline after %v", d)
	}
}

func TestC10_TrickleWhileRinging(t *testing.T) {
	s := ring(t, "a1", "b1")
	s.do(Repeat{dev("a1"), cand(1)}).want("incoming(again)>b")
	// At most once per distinct signal.
	s.do(Repeat{dev("a1"), cand(1)}).want()
	s.do(Repeat{dev("a1"), sdp("offer", 1, 1)}).want()
	s.do(Repeat{dev("a1"), sdp("offer", 1, 2)}).want("incoming(again)>b")
	s.do(Repeat{dev("a1"), Signal{}}).want()
	s.fail(Repeat{dev("a2"), cand(2)}, ErrNotInCall).want()
	s.fail(Repeat{dev("c1"), cand(2)}, ErrNotInCall).want()
	// Not given again on answer.
	s.do(Answer{dev("b1"), sdp("answer", 2, 1)}).want("accepted>a1", "state(answered)>a", "state(answered)>b")
	// Renegotiation after it.
	s.do(Repeat{dev("a1"), sdp("offer", 1, 3)}).want("signal>b1")
	s.do(Repeat{dev("a1"), sdp("offer", 1, 3)}).want()
	s.do(Repeat{dev("a1"), cand(1)}).want() // had it as call:incoming
	s.do(Repeat{dev("b1"), sdp("offer", 2, 2)}).want("signal>a1")
	s.fail(Repeat{dev("b2"), cand(9)}, ErrNotInCall)
	s.do(End{dev("a1")}).fail(Repeat{dev("a1"), cand(5)}, ErrEnded).want()
}

func TestC11_OffersBeyondTheLimitStillReachWhoIsThere(t *testing.T) {
	cfg := DefaultConfig()
	cfg.KeepSignals = 2
	s := ringWith(t, cfg, func(r *Ring) { r.Devices = devs("b1") })
	for i := range 4 {
		s.do(Repeat{dev("A1"), cand(i)}).want("incoming(again)>b")
	}
	s.do(DeviceOnline{Who: dev("b2")}).want("incoming(2 items)>b2")
}

func TestC8_GlareGivesTheLoserTheWinnersCall(t *testing.T) {
	// b1 already rings and calls a: a base device gets the same offer only once.
	s := ring(t, "A1", "b1", "B1")
	s.do(TakeGlare{dev("b1")}).want()
	// An extended one hears who was faster, without the further signals.
	s.do(Repeat{dev("A1"), cand(1)})
	s.do(TakeGlare{dev("B1")}).want("incoming(glare)>B1")
	s.do(TakeGlare{dev("B1")}).want()
	s.do(TakeGlare{dev("b2")}).want("incoming(glare 1 items)>b2")
	s.do(TakeGlare{dev("B2")}).want("incoming(glare 1 items)>B2")
	s.fail(TakeGlare{dev("A2")}, ErrNotInCall)
	s.do(Answer{dev("B2"), sdp("answer", 2, 1)})
	s.do(TakeGlare{dev("B2")}).want()
	s.fail(TakeGlare{dev("b1")}, ErrAlreadyAnswered)
	s.do(End{dev("A1")}).fail(TakeGlare{dev("b1")}, ErrEnded)
}

func TestC8_MergedCallEndsWithoutTellingBaseDevices(t *testing.T) {
	s := ring(t, "a1", "b1", "B2")
	s.do(MergeGlare{Into: "c0"})
	for _, e := range s.fx {
		if e.Kind == EffectEnded && !e.BaseSilent {
			t.Errorf("glare tells base devices: %+v", e)
		}
	}
	s.state(Ended, Glare)
	if s.c.Next != "c0" {
		t.Errorf("next %q", s.c.Next)
	}
	s.do(MergeGlare{Into: "c0"}).want()
	ring(t, "a1", "b1").do(MergeGlare{Into: "c1"}).want().state(Ringing, "")
}

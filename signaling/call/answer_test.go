package call

import "testing"

func TestC3_FirstAnswerWins(t *testing.T) {
	s := ring(t, "A1", "B1", "b2", "B3")
	s.do(Answer{dev("b2"), sdp("answer", 2, 1)}).
		want("accepted>A1", "ended(answered_elsewhere)>B1+B3", "state(answered)>a", "state(answered)>b").state(Answered, "")
	if s.c.Callee.Device != "b2" || s.fx[0].By != "b2" || string(s.fx[0].Signal) != string(sdp("answer", 2, 1).Raw) {
		t.Fatalf("accepted: %+v", s.fx[0])
	}
	// A late answerer hears it again, each time it asks.
	s.fail(Answer{dev("B1"), sdp("answer", 3, 1)}, ErrAlreadyAnswered).want("ended(answered_elsewhere)>B1")
	s.fail(Answer{dev("B1"), sdp("answer", 3, 1)}, ErrAlreadyAnswered).want("ended(answered_elsewhere)>B1")
	// Its trickled candidates do not.
	s.fail(Answer{dev("B1"), cand(1)}, ErrAlreadyAnswered).want()
	if s.c.Callee.Device != "b2" {
		t.Fatal("the answer moved")
	}
}

func TestC3_RepeatedAnswerIsMoreSignals(t *testing.T) {
	s := answered(t, "a1", "b1")
	s.do(Answer{dev("b1"), sdp("answer", 2, 1)}).want() // destroys a simple-peer object
	s.do(Answer{dev("b1"), cand(1)}).want("signal>a1")
	s.do(Answer{dev("b1"), cand(1)}).want()
	s.do(Answer{dev("b1"), cand(2)}).want("signal>a1")
	// Also to an extended caller: a retried answer is no signal.
	s = answered(t, "A1", "b1").do(Answer{dev("b1"), sdp("answer", 2, 1)}).want()
	// A request means something each time.
	again := SignalInfo([]byte(`{"renegotiate":true}`))
	s.do(Answer{dev("b1"), again}).want("signal>A1")
	s.do(Answer{dev("b1"), again}).want("signal>A1")
}

func TestC12_CandidateOvertakesItsAnswer(t *testing.T) {
	s := ring(t, "a1", "b1", "b2")
	s.do(Answer{dev("b1"), cand(1)}).want().state(Ringing, "")
	s.do(Answer{dev("b2"), cand(2)}).want().state(Ringing, "")
	s.do(Answer{dev("b1"), sdp("answer", 2, 1)}).
		want("accepted>a1", "ended(answered_elsewhere)>b2", "state(answered)>a", "state(answered)>b", "pending(1 items)>a1")
	if string(s.fx[4].Items[0].Signal) != string(cand(1).Raw) {
		t.Fatalf("pending: %s", s.fx[4].Items[0].Signal)
	}
}

func TestC3_RejectSilencesTheOthers(t *testing.T) {
	s := ring(t, "a1", "b1", "B2", "b3")
	s.do(Reject{dev("b1")}).want("rejected(rejected)>a1", "ended(rejected)>B2+b3", endState(Rejected)).state(Ended, Rejected)
	s.do(Reject{dev("B2")}).want()
	if s.c.Record().Missed() {
		t.Error("a declined call counts as missed")
	}
	// call:end instead: the same, told as such.
	ring(t, "a1", "b1", "B2").do(End{dev("B2")}).want("ended(rejected)>a1", "ended(rejected)>b1", endState(Rejected))
}

func TestC3_AnsweringDeviceHangsUpOthersAreIgnored(t *testing.T) {
	for name, in := range map[string]func(Who) Input{
		"call:rejected": func(w Who) Input { return Reject{w} },
		"call:end":      func(w Who) Input { return End{w} },
	} {
		t.Run(name, func(t *testing.T) {
			s := answered(t, "a1", "b1", "b2")
			s.fail(in(dev("b2")), ErrNotInCall).want().state(Answered, "")
			s.fail(in(dev("a2")), ErrNotInCall).want().state(Answered, "")
			s.fail(in(dev("c1")), ErrNotInCall).want().state(Answered, "")
			s.do(in(dev("b1"))).want("ended(hangup)>a1", endState(Hangup)).state(Ended, Hangup)
			s.do(in(dev("b1"))).want()
			s.do(in(dev("a1"))).want()
			s.fail(in(dev("c1")), ErrNotInCall)

			answered(t, "a1", "b1").do(in(dev("a1"))).want("ended(hangup)>b1", endState(Hangup))
		})
	}
}

func TestC3_Cancel(t *testing.T) {
	s := ring(t, "a1", "b1", "B2")
	s.fail(End{dev("a2")}, ErrNotInCall).want()
	s.do(End{dev("a1")}).want("ended(cancelled)>b1+B2", endState(Cancelled)).state(Ended, Cancelled)
	// Late Accept: the dialog goes.
	s.fail(Answer{dev("b1"), sdp("answer", 2, 1)}, ErrEnded).want("ended(cancelled)>b1")
	s.fail(Answer{dev("b1"), cand(1)}, ErrEnded).want()
	s.do(Reject{dev("b1")}).want()
	ring(t, "a1", "b1").do(Reject{dev("a1")}).want("ended(cancelled)>b1", endState(Cancelled))
}

func TestC3_LateAnswerAfterTheCall(t *testing.T) {
	s := answered(t, "a1", "b1", "b2").do(End{dev("b1")})
	s.fail(Answer{dev("b2"), sdp("answer", 3, 1)}, ErrEnded).want("ended(answered_elsewhere)>b2")
	s.fail(Answer{dev("b1"), sdp("answer", 2, 2)}, ErrEnded).want() // trickle that crosses the end
}

func TestC7_OnlyAParty(t *testing.T) {
	c1 := dev("c1")
	for _, s := range []*script{ring(t, "a1", "b1"), answered(t, "a1", "b1"), ring(t, "a1", "b1").do(End{dev("a1")})} {
		before := encoded(s.c)
		for _, in := range []Input{
			Answer{c1, sdp("answer", 9, 1)}, Reject{c1}, End{c1}, SendSignal{c1, opaque("x")}, SendCandidates{c1, opaque("x")},
			Repeat{c1, cand(1)}, Resume{c1}, Handoff{c1}, TakeGlare{c1}, DeviceAway{Who: c1}, DeviceGone{Who: c1}, Supersede{Who: c1, By: "c2"},
			Answer{dev("a1"), sdp("answer", 9, 1)},
		} {
			s.fail(in, ErrNotInCall).want()
		}
		if encoded(s.c) != before {
			t.Error("a stranger changed the call")
		}
	}
	if ErrNotInCall.Code() != "not_in_call" || ErrAlreadyAnswered.Code() != "already_answered" || ErrEnded.Code() != "call_ended" {
		t.Error("codes changed")
	}
}

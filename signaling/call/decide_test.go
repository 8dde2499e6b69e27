package call

import (
	"errors"
	"testing"
)

// ask is a call:user with an offer of that media session.
func ask(who string, to string, session int) Ask {
	return Ask{Who: dev(who), To: to, Signal: sdp("offer", session, 1)}
}

func with(a Ask, sig Signal) Ask {
	a.Signal = sig
	return a
}

func TestDecide(t *testing.T) {
	ringing := ring(t, "a1", "b1", "b2").c
	talking := answered(t, "a1", "b1", "b2").c
	callerAway := ring(t, "a1", "b1").do(DeviceAway{Who: dev("a1")}).c
	calleeAway := answered(t, "a1", "b1").do(DeviceAway{Who: dev("b1")}).c
	ended := ring(t, "a1", "b1").do(End{dev("a1")}).c
	noSDP := ringWith(t, DefaultConfig(), func(r *Ring) { r.Caller, r.Signal = dev("a1"), opaque("1") }).c
	named := ringWith(t, DefaultConfig(), func(r *Ring) { r.ClientID = "k1" }).c
	waiting := ringWith(t, DefaultConfig(), func(r *Ring) { r.Waiting = true }).c
	elsewhere := ringWith(t, DefaultConfig(), func(r *Ring) { r.Caller, r.Callee = dev("d1"), "c" }).c
	request := SignalInfo([]byte(`{"renegotiate":true}`))

	newPage := with(ask("a1", "b", 0), opaque("1"))
	newPage.Session = "s2"
	retried := with(ask("A1", "b", 0), sdp("offer", 7, 1))
	retried.ClientID = "k1"

	calls := func(cs ...*Call) []*Call { return cs }
	for _, tc := range []struct {
		name         string
		ask          Ask
		mine, theirs []*Call
		waiting      bool
		want         Verdict
		ends         bool // the first of mine (else of theirs) is superseded
	}{
		{"C4 nobody is busy", ask("a1", "b", 1), nil, nil, false, DoRing, false},
		{"a user rings itself", ask("a1", "a", 1), nil, nil, false, DoRefuse, false},
		{"C4 a call that is over makes nobody busy", ask("c1", "b", 1), calls(&ended), calls(&ended), false, DoRing, false},
		{"C4 callee rings already", ask("c1", "b", 1), nil, calls(&ringing), false, DoBusy, false},
		{"C4 callee is calling", ask("c1", "a", 1), nil, calls(&ringing), false, DoBusy, false},
		{"C4 callee talks", ask("c1", "b", 1), nil, calls(&talking), false, DoBusy, false},
		{"C4 callee's device vanished but may return", ask("c1", "b", 1), nil, calls(&calleeAway), false, DoBusy, false},
		{"C4 call waiting", ask("c1", "b", 1), nil, calls(&talking), true, DoWait, false},

		{"C10 same session", ask("a1", "b", 1), calls(&ringing), calls(&ringing), false, DoRepeat, false},
		{"C10 bare candidate", with(ask("a1", "b", 0), cand(1)), calls(&ringing), calls(&ringing), false, DoRepeat, false},
		{"C10 renegotiation", ask("a1", "b", 1), calls(&talking), calls(&talking), false, DoRepeat, false},
		{"C10 request for one", with(ask("a1", "b", 0), request), calls(&talking), calls(&talking), false, DoRepeat, false},
		{"C10 new session while it rings", ask("a1", "b", 5), calls(&ringing), calls(&ringing), false, DoRing, true},
		{"C10 new session while they talk", ask("a1", "b", 5), calls(&talking), calls(&talking), false, DoRing, true},
		{"C10 another callee", ask("a1", "c", 5), calls(&talking), nil, false, DoRing, true},
		{"C10 another callee, who is busy", ask("a1", "c", 5), calls(&talking), calls(&elsewhere), false, DoBusy, true},
		{"C10 reloaded page of a vanished device", ask("a2", "b", 5), calls(&callerAway), calls(&callerAway), false, DoRing, true},
		{"C10 the answering device redials", ask("b1", "a", 5), calls(&talking), calls(&talking), false, DoRing, true},
		{"C10 the answering device renegotiates", ask("b1", "a", 2), calls(&talking), calls(&talking), false, DoRepeat, false},
		{"C10 the answering device trickles", with(ask("b1", "a", 0), cand(1)), calls(&talking), calls(&talking), false, DoRepeat, false},
		{"C10 reloaded page of the answering device", ask("b9", "a", 5), calls(&calleeAway), calls(&calleeAway), false, DoRing, true},
		{"C10 opaque, twice", with(ask("a1", "b", 0), opaque("2")), calls(&noSDP), calls(&noSDP), false, DoRepeat, false},
		{"C10 opaque, from a new page", newPage, calls(&noSDP), calls(&noSDP), false, DoRing, true},
		{"C10 a session after an opaque one", ask("a1", "b", 5), calls(&noSDP), calls(&noSDP), false, DoRing, true},
		{"C10 a second tab, the first being there", ask("a2", "b", 5), calls(&talking), calls(&talking), false, DoBusySelf, false},
		{"C10 a second tab calls somebody else", ask("a2", "c", 5), calls(&talking), nil, false, DoBusySelf, false},
		{"C10 a candidate of a call that is over never rings", with(ask("a1", "b", 0), cand(1)), calls(&ended), calls(&ended), false, DoDrop, false},
		{"C10 nor ends another one", with(ask("a1", "c", 0), cand(1)), calls(&ringing), nil, false, DoDrop, false},
		{"C1 the same client id", retried, calls(&named), calls(&named), false, DoRepeat, false},

		{"C8 glare", ask("b1", "a", 5), calls(&ringing), calls(&ringing), false, DoGlare, false},
		{"C8 glare from another device", ask("b7", "a", 5), calls(&ringing), calls(&ringing), false, DoGlare, false},
		{"C8 the loser's candidates", with(ask("b1", "a", 0), cand(1)), calls(&ringing), calls(&ringing), false, DoDrop, false},
		{"C8 no glare with a caller who vanished", ask("b1", "a", 5), calls(&callerAway), calls(&callerAway), false, DoRing, true},
		{"C10 who is rung calls somebody else", ask("b1", "c", 5), calls(&ringing), nil, false, DoRing, true},
		{"C4 a waiting call goes on", ask("b1", "c", 5), calls(&waiting), nil, false, DoRing, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.CallWaiting = tc.waiting
			d := Decide(cfg, tc.ask, tc.mine, tc.theirs)
			if d.Do != tc.want {
				t.Fatalf("verdict %d, want %d", d.Do, tc.want)
			}
			if tc.ends != (len(d.Supersede) == 1) || tc.ends && d.Supersede[0] != tc.mine[0] {
				t.Fatalf("supersedes %v", d.Supersede)
			}
			if (d.Do == DoRepeat || d.Do == DoGlare) != (d.Call != nil) {
				t.Fatalf("call %v", d.Call)
			}
			if (d.Err != nil) != (d.Do == DoBusy || d.Do == DoBusySelf || d.Do == DoDrop || d.Do == DoRefuse) {
				t.Fatalf("error %v", d.Err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	ringing := ring(t, "a1", "b1", "b2").c
	talking := answered(t, "a1", "b1", "b2").c
	ended := ring(t, "a1", "b1").do(End{dev("a1")}).c
	later := ringWith(t, DefaultConfig(), func(r *Ring) { r.ID, r.Caller, r.Waiting = "c2", dev("c1"), true }).c

	for _, tc := range []struct {
		name string
		ev   Event
		who  string
		to   string
		in   []*Call
		want *Call
	}{
		{"C1 answer", EventAnswer, "b1", "a", []*Call{&ringing}, &ringing},
		{"C1 answer without to", EventAnswer, "b1", "", []*Call{&ringing}, &ringing},
		{"C7 answer to somebody else", EventAnswer, "b1", "c", []*Call{&ringing}, nil},
		{"C7 the caller answers", EventAnswer, "a1", "b", []*Call{&ringing}, nil},
		{"C3 late answer", EventAnswer, "b2", "a", []*Call{&talking}, &talking},
		{"C3 answer after the end", EventAnswer, "b1", "a", []*Call{&ended}, &ended},
		{"C3 the live call before one that ended", EventAnswer, "b1", "a", []*Call{&ended, &ringing}, &ringing},
		{"C3 of two that ring, the one named", EventAnswer, "b1", "c", []*Call{&talking, &later}, &later},

		{"C3 reject", EventReject, "b1", "a", []*Call{&ringing}, &ringing},
		{"C3 reject needs its to", EventReject, "b1", "", []*Call{&ringing}, nil},
		{"C3 reject with another to", EventReject, "b1", "c", []*Call{&ringing}, nil},
		{"C3 reject in a call", EventReject, "b1", "a", []*Call{&talking}, &talking},
		{"C3 reject by a device that is not in it", EventReject, "b2", "a", []*Call{&talking}, nil},
		{"C3 reject after the end", EventReject, "b1", "a", []*Call{&ended}, nil},

		{"C7 end", EventEnd, "b1", "a", []*Call{&talking}, &talking},
		{"C7 end without to", EventEnd, "a1", "", []*Call{&talking}, &talking},
		{"C7 end with a wrong to", EventEnd, "b1", "c", []*Call{&talking}, &talking},
		{"C7 end with the to of another call", EventEnd, "b1", "c", []*Call{&talking, &later}, &talking},
		{"C7 end of a ring", EventEnd, "b1", "a", []*Call{&ringing}, &ringing},
		{"C7 end of a ring without to", EventEnd, "b1", "", []*Call{&ringing}, &ringing},
		{"C7 end left over from another call", EventEnd, "b1", "c", []*Call{&ringing}, nil},
		{"C7 end by a device that is not in it", EventEnd, "b2", "a", []*Call{&talking}, nil},
		{"C7 end by a third person", EventEnd, "c1", "a", []*Call{&ringing}, nil},
		{"C7 end with nothing to end", EventEnd, "b1", "a", []*Call{&ended}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Match(tc.ev, dev(tc.who), tc.to, tc.in)
			if got != tc.want || (err == nil) != (tc.want != nil) || (err != nil && !errors.Is(err, ErrNotInCall)) {
				t.Fatalf("got %v, %v", got, err)
			}
		})
	}
}

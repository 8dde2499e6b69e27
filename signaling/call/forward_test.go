package call

import (
	"fmt"
	"strings"
	"testing"
)

func TestC11_KeptUntilTheAnswerAndGivenInOrder(t *testing.T) {
	s := ring(t, "A1", "B1", "B2")
	for i := range 3 {
		s.do(SendCandidates{dev("A1"), opaque(fmt.Sprint("a", i))}).want()
		s.do(SendCandidates{dev("B1"), opaque(fmt.Sprint("b", i))}).want()
	}
	s.do(SendSignal{dev("A1"), opaque("a3")}).want()
	s.do(SendSignal{dev("A1"), opaque("a3")}).want() // a duplicate
	s.do(SendSignal{dev("B2"), opaque("other device")}).want()
	s.fail(SendSignal{dev("A2"), opaque("x")}, ErrNotInCall)
	s.do(Answer{dev("B1"), sdp("answer", 2, 1)}).want("accepted>A1", "ended(answered_elsewhere)>B2",
		"state(answered)>a", "state(answered)>b", "pending(4 items)>B1", "pending(3 items)>A1")
	for i, k := range s.fx[4].Items {
		if want := fmt.Sprintf(`{"x":"a%d"}`, i); string(k.Signal) != want {
			t.Errorf("item %d: %s", i, k.Signal)
		}
	}
	if s.c.KeptBytes != 0 || s.c.Kept != nil || s.c.Offers != nil {
		t.Errorf("left over: %+v", s.c)
	}
}

func TestC11_Limits(t *testing.T) {
	for name, cfg := range map[string]Config{
		"count": {KeepSignals: 3, KeepBytes: 1 << 20},
		"bytes": {KeepSignals: 100, KeepBytes: 3 * len(opaque("0").Raw)},
	} {
		t.Run(name, func(t *testing.T) {
			d := DefaultConfig()
			d.KeepSignals, d.KeepBytes = cfg.KeepSignals, cfg.KeepBytes
			s := ringWith(t, d, func(r *Ring) { r.Devices = devs("B1") })
			for i := range 3 {
				s.do(SendCandidates{dev("A1"), opaque(fmt.Sprint(i))}).want()
			}
			s.do(SendCandidates{dev("A1"), opaque("3")}).want("candidates(quiet)>b")
			s.do(SendSignal{dev("B1"), opaque("4")}).want("signal(quiet)>A1")
			s.do(Answer{dev("B1"), sdp("answer", 2, 1)})
			s.do(DeviceAway{Who: dev("A1")})
			for i := range 3 {
				s.do(SendSignal{dev("B1"), opaque(fmt.Sprint(i))}).want()
			}
			s.do(SendSignal{dev("B1"), opaque("3")}).want("signal>A1")
			s.do(DeviceOnline{Who: dev("A1"), Recovered: true}).want("peer(back)>b", "pending(3 items)>A1")
		})
	}
}

func TestC11_TheFirstOfferIsAlwaysKept(t *testing.T) {
	big := SignalInfo([]byte(`{"type":"offer","sdp":"` + strings.Repeat("x", 300<<10) + `"}`))
	s := ringWith(t, DefaultConfig(), func(r *Ring) { r.Signal = big })
	s.do(DeviceOnline{Who: dev("b1")})
	if len(s.fx[0].Signal) != len(big.Raw) {
		t.Fatal("the offer is gone")
	}
	s.do(SendCandidates{dev("A1"), opaque("1")}).want()
}

func TestBaseDevicesGetEqualSignalsOnce(t *testing.T) {
	hold, unhold := opaque("hold"), opaque("unhold")
	s := answered(t, "A1", "B1")
	for _, sig := range []Signal{hold, unhold, hold} {
		s.do(SendSignal{dev("A1"), sig}).want("signal>B1") // each means something to an extended one
	}
	s = answered(t, "A1", "b1")
	s.do(SendSignal{dev("A1"), hold}).want("signal>b1")
	s.do(SendSignal{dev("A1"), hold}).want()
	s.do(SendCandidates{dev("A1"), unhold}).want("candidates>b1")
	s.do(SendCandidates{dev("A1"), unhold}).want()
	// Kept ones as well: what b1 had as call:incoming is not an answer.
	s = ring(t, "A1", "b1").do(Repeat{dev("A1"), cand(1)}).do(SendSignal{dev("A1"), cand(1)}).do(SendCandidates{dev("A1"), cand(2)})
	s.do(Answer{dev("b1"), sdp("answer", 2, 1)}).want("accepted>A1", "state(answered)>a", "state(answered)>b", "pending(1 items)>b1")
	s.do(SendCandidates{dev("A1"), cand(2)}).want()
}

func TestC12_SeenIsBounded(t *testing.T) {
	s := answered(t, "a1", "b1")
	for i := range 2 * maxSeen {
		s.do(Answer{dev("b1"), cand(i)}).do(Ack{s.c.Seq})
	}
	if n := len(s.c.Caller.Seen); n != maxSeen {
		t.Fatalf("%d hashes", n)
	}
}

package call

import (
	"fmt"
	"strings"
	"testing"
)

// bigOffer is as large as a browser's.
func bigOffer(session int) []byte {
	return fmt.Appendf(nil, `{"type":"offer","sdp":"v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\ns=-\r\n%s"}`, session,
		strings.Repeat(`a=rtpmap:111 opus/48000/2\r\n`, 70))
}

func benchLife(b *testing.B, caller, callee Who) {
	cfg := DefaultConfig()
	offer, answer := bigOffer(1), bigOffer(2)
	devices := []Who{callee}
	b.ReportAllocs()
	for b.Loop() {
		sig := SignalInfo(offer)
		if d := Decide(cfg, Ask{Who: caller, To: "b", Signal: sig}, nil, nil); d.Do != DoRing {
			b.Fatal(d.Do)
		}
		c, _ := New(cfg, Ring{ID: "c1", Caller: caller, Callee: "b", Signal: sig, Devices: devices}, t0)
		c = c.Acked(c.Seq)
		c, _, err := Step(c, Answer{callee, SignalInfo(answer)}, t0)
		if err != nil {
			b.Fatal(err)
		}
		c = c.Acked(c.Seq)
		c, _, err = Step(c, End{caller}, t0)
		if err != nil || c.State != Ended {
			b.Fatal(err)
		}
	}
}

// A whole call, with looking into its two 2 KiB signals.
func BenchmarkLife_Base(b *testing.B)     { benchLife(b, dev("a1"), dev("b1")) }
func BenchmarkLife_Extended(b *testing.B) { benchLife(b, dev("A1"), dev("B1")) }

func BenchmarkSignal(b *testing.B) {
	t := new(testing.T)
	c := answered(t, "A1", "B1").c.Acked(100)
	from, sig := dev("A1"), opaque("1")
	b.ReportAllocs()
	for b.Loop() {
		if _, fx, err := Step(c, SendSignal{from, sig}, t0); err != nil || len(fx) != 1 {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignalInfo2K(b *testing.B) {
	raw := bigOffer(1)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if SignalInfo(raw).Session == 0 {
			b.Fatal("no session")
		}
	}
}

func BenchmarkEncodeRinging(b *testing.B) {
	t := new(testing.T)
	s := ringWith(t, DefaultConfig(), func(r *Ring) { r.Signal = SignalInfo(bigOffer(1)) })
	b.ReportAllocs()
	for b.Loop() {
		AppendCall(nil, &s.c)
	}
}

// bothSDPs is an answered call that has kept a 2 KiB offer and a 2 KiB answer
// for its caller.
func bothSDPs(t *testing.T) Call {
	s := ringWith(t, DefaultConfig(), func(r *Ring) { r.Signal, r.Devices = SignalInfo(bigOffer(1)), devs("B1") })
	s.do(DeviceAway{Who: dev("A1")}).do(Answer{dev("B1"), SignalInfo(bigOffer(2))})
	s.do(SendSignal{dev("B1"), SignalInfo(bigOffer(3))})
	return s.c
}

func BenchmarkEncode(b *testing.B) {
	c := bothSDPs(new(testing.T))
	b.ReportAllocs()
	for b.Loop() {
		AppendCall(nil, &c)
	}
}

func BenchmarkDecode(b *testing.B) {
	raw := []byte(encoded(bothSDPs(new(testing.T))))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

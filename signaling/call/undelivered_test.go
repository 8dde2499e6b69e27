package call

import (
	"fmt"
	"strings"
	"testing"
)

// signals are the contents of the kept or given items, in short.
func signals(items []Kept) string {
	var out []string
	for _, k := range items {
		out = append(out, strings.Trim(string(k.Signal), `{"x:}`))
	}
	return strings.Join(out, " ")
}

func TestC13_UndeliveredSignalsWaitForTheDevice(t *testing.T) {
	s := answered(t, "A1", "B1")
	var lost []Effect
	for i := range 3 {
		s.do(SendSignal{dev("A1"), opaque(fmt.Sprint("old", i))}).want("signal>B1")
		lost = append(lost, s.fx...)
	}
	s.do(DeviceAway{Who: dev("B1")})
	s.do(SendSignal{dev("A1"), opaque("new")}).want()
	for _, e := range lost {
		s.do(Undelivered{e}).want()
	}
	s.do(Undelivered{lost[0]}).want() // it was told of twice
	if got := signals(s.c.Kept); got != "old0 old1 old2 new" {
		t.Fatalf("kept: %s", got)
	}
	s.do(DeviceOnline{Who: dev("B1"), Recovered: true}).want("peer(back)>a", "pending(4 items)>B1")
	if s.c.KeptBytes != 0 || len(s.c.Kept) != 0 {
		t.Fatalf("left over: %+v", s.c)
	}
}

func TestC13_Undelivered(t *testing.T) {
	signal := func(s *script, from string) Effect {
		s.do(SendSignal{dev(from), opaque("1")})
		return s.fx[0]
	}
	t.Run("the device is back already", func(t *testing.T) {
		s := answered(t, "A1", "b1")
		e := signal(s, "A1")
		s.do(DeviceAway{Who: dev("b1")}).do(DeviceOnline{Who: dev("b1"), Recovered: true})
		s.do(Undelivered{e}).want("signal>b1")
		if s.fx[0].Seq <= e.Seq {
			t.Fatal("it has its old number: the receiver would drop it")
		}
	})
	t.Run("another device holds the side", func(t *testing.T) {
		s := answered(t, "A1", "B1")
		e := signal(s, "A1")
		s.do(Handoff{dev("B2")}).do(Undelivered{e}).want("signal>B2")
	})
	t.Run("candidates", func(t *testing.T) {
		s := answered(t, "A1", "B1").do(SendCandidates{dev("B1"), cand(1)})
		e := s.fx[0]
		s.do(Undelivered{e}).want("candidates>A1")
		s.do(DeviceAway{Who: dev("A1")}).do(Undelivered{e}).want()
		if len(s.c.Kept) != 1 || s.c.Kept[0].Kind != KeptCandidates {
			t.Fatalf("%+v", s.c.Kept)
		}
	})
	t.Run("the answer", func(t *testing.T) {
		s := answered(t, "a1", "B1")
		e := s.fx[0]
		s.do(SendSignal{dev("B1"), opaque("1")})
		later := s.fx[0]
		s.do(DeviceAway{Who: dev("a1")}).do(Undelivered{e}).do(Undelivered{later})
		s.do(DeviceOnline{Who: dev("a1")}).want("peer(back)>b", "pending(2 items)>a1")
		if it := s.fx[1].Items; it[0].Kind != KeptAnswer || it[1].Kind != KeptSignal {
			t.Fatalf("%+v", it)
		}
	})
	t.Run("what had been kept", func(t *testing.T) {
		s := ring(t, "A1", "B1").do(SendCandidates{dev("A1"), cand(1)}).do(SendSignal{dev("A1"), opaque("1")})
		s.do(Answer{dev("B1"), sdp("answer", 2, 1)})
		e := s.fx[3]
		s.want("accepted>A1", "state(answered)>a", "state(answered)>b", "pending(2 items)>B1")
		s.do(DeviceAway{Who: dev("B1")}).do(Undelivered{e}).want()
		s.do(Resume{dev("B1")}).want("peer(back)>a", "pending(resumed 2 items)>B1")
		e = s.fx[1]
		s.do(Undelivered{e}).want("pending(2 items)>B1")
	})
	t.Run("no room", func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.KeepSignals = 1
		s := ringWith(t, cfg, func(r *Ring) { r.Devices = devs("B1") })
		s.do(Answer{dev("B1"), sdp("answer", 2, 1)})
		e := signal(s, "A1")
		s.do(DeviceAway{Who: dev("B1")}).do(SendSignal{dev("A1"), opaque("2")})
		v := s.c.Version
		if s.do(Undelivered{e}).want(); s.c.Version != v {
			t.Fatal("a new version of nothing new")
		}
	})
}

func TestC13_UndeliveredChangesNothing(t *testing.T) {
	live := answered(t, "A1", "B1").do(SendSignal{dev("A1"), opaque("1")})
	e := live.fx[0]
	with := func(f func(*Effect)) Effect {
		c := e
		f(&c)
		return c
	}
	for name, tc := range map[string]struct {
		s *script
		e Effect
	}{
		"while it rings":   {ring(t, "A1", "B1"), e},
		"after the end":    {answered(t, "A1", "B1").do(End{dev("A1")}), e},
		"other kinds":      {live, with(func(e *Effect) { e.Kind = EffectPeer })},
		"ended":            {live, with(func(e *Effect) { e.Kind = EffectEnded })},
		"to all devices":   {live, with(func(e *Effect) { e.To = everyone("b") })},
		"to somebody else": {live, with(func(e *Effect) { e.To.User = "c" })},
		"nothing in it":    {live, with(func(e *Effect) { e.Kind, e.Items = EffectPending, nil })},
	} {
		v := tc.s.c.Version
		if tc.s.do(Undelivered{tc.e}).want(); tc.s.c.Version != v {
			t.Errorf("%s: it changed the call", name)
		}
	}
}

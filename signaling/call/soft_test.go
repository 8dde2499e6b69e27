package call

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSoft(t *testing.T) {
	live := func() *script { return answered(t, "A1", "B1", "B2") }
	base := func() *script { return answered(t, "a1", "b1") }
	for name, tc := range map[string]struct {
		s    *script
		in   Input
		want bool
	}{
		"signal":                      {live(), SendSignal{dev("A1"), opaque("1")}, true},
		"candidates":                  {live(), SendCandidates{dev("B1"), cand(1)}, true},
		"signal to a base device":     {base(), Repeat{dev("a1"), opaque("1")}, true},
		"offer of an extended device": {live(), SendSignal{dev("A1"), sdp("offer", 1, 2)}, true},
		"offer of a base device":      {base(), Repeat{dev("a1"), sdp("offer", 1, 2)}, false},
		"another media session":       {live(), SendSignal{dev("A1"), sdp("offer", 7, 1)}, false},
		"late answer":                 {live(), Answer{dev("B2"), sdp("answer", 4, 1)}, true},
		"ack":                         {live(), Ack{1}, true},
		"vanished":                    {live(), DeviceAway{Who: dev("A1")}, false},
		"kept":                        {live().do(DeviceAway{Who: dev("B1")}), SendSignal{dev("A1"), opaque("1")}, false},
		"kept while it rings":         {ring(t, "A1", "B1"), SendCandidates{dev("A1"), cand(1)}, false},
		"one more offer":              {ring(t, "A1", "B1"), Repeat{dev("A1"), cand(1)}, false},
		"one more device":             {ring(t, "A1", "B1"), DeviceOnline{Who: dev("B2")}, false},
		"answer":                      {ring(t, "A1", "B1"), Answer{dev("B1"), sdp("answer", 2, 1)}, false},
		"handed over":                 {live(), Handoff{dev("A2")}, false},
		"end":                         {live(), End{dev("A1")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			old := tc.s.c
			err := tc.s.step(tc.in)
			if tc.s.c.Version == old.Version {
				t.Fatalf("nothing happened: %v", err)
			}
			if got := Soft(&old, &tc.s.c); got != tc.want {
				t.Fatalf("Soft = %v", got)
			}
		})
	}
}

// TestSoft_EveryOtherFieldCounts changes each field in turn.
func TestSoft_EveryOtherFieldCounts(t *testing.T) {
	soft := map[string]bool{
		"Version": true, "Seq": true, "Outbox": true, "Caller.Seen": true, "Callee.Seen": true,
		"Caller.Satisfied": true, "Callee.Satisfied": true,
	}
	var walk func(name string, index []int, typ reflect.Type)
	walk = func(name string, index []int, typ reflect.Type) {
		if typ.Kind() == reflect.Struct {
			for i := range typ.NumField() {
				f := typ.Field(i)
				sub := f.Name
				if name != "" {
					sub = name + "." + f.Name
				}
				walk(sub, append(index[:len(index):len(index)], i), f.Type)
			}
			return
		}
		var a, b Call
		var n int
		fill(reflect.ValueOf(&a).Elem(), &n)
		n = 0
		fill(reflect.ValueOf(&b).Elem(), &n)
		if !Soft(&a, &b) || !Soft(&b, &a) {
			t.Fatal("equal calls differ")
		}
		f := reflect.ValueOf(&b).Elem().FieldByIndex(index)
		f.SetZero()
		if got := Soft(&a, &b); got != soft[name] {
			t.Errorf("%s: Soft = %v", name, got)
		}
	}
	walk("", nil, reflect.TypeFor[Call]())
	// Inside of lists, too.
	for _, f := range []func(*Call){
		func(c *Call) { c.Rung[1].Silent = false }, func(c *Call) { c.Left[0].Device = "" },
		func(c *Call) { c.Kept[1].Signal = nil }, func(c *Call) { c.Offers[0].Again = false },
	} {
		var a, b Call
		var n int
		fill(reflect.ValueOf(&a).Elem(), &n)
		n = 0
		fill(reflect.ValueOf(&b).Elem(), &n)
		if f(&b); Soft(&a, &b) {
			t.Error("a change in a list is overlooked")
		}
	}
}

// TestSoft_MayBeForgotten: whether soft versions are kept or not, the parties
// are told the same from then on, but for what the machine has seen.
func TestSoft_MayBeForgotten(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := answered(t, "A1", "B1", "B2").c.Acked(100)
		b := a
		now := t0
		for i := range rapid.IntRange(1, 20).Draw(r, "steps") {
			now = now.Add(time.Second)
			from := dev(rapid.SampledFrom([]string{"A1", "B1", "B2"}).Draw(r, "from"))
			in := rapid.SampledFrom([]Input{
				SendSignal{from, opaque(fmt.Sprint(i))}, SendSignal{from, sdp("offer", 1, i)}, SendCandidates{from, cand(i)},
				SendSignal{from, sdp("answer", 2, i)}, Answer{from, opaque(fmt.Sprint(i))},
				DeviceAway{Who: from}, DeviceOnline{Who: from}, Resume{from}, Handoff{from}, End{from},
			}).Draw(r, "input")
			x, fx, _ := Step(a, in, now)
			y, fy, _ := Step(b, in, now)
			if show(fx) != show(fy) {
				r.Fatalf("%T: %s\n%s", in, show(fx), show(fy))
			}
			a = x.Acked(x.Seq)
			if y.Version != b.Version && !Soft(&b, &y) {
				b = y.Acked(y.Seq)
			}
		}
	})
}

func TestMergeSeen(t *testing.T) {
	many := func(from, n int) (h hashes) {
		for i := range n {
			h = append(h, uint64(from+i))
		}
		return h
	}
	for name, tc := range map[string]struct{ into, from, want hashes }{
		"nothing new":   {many(1, 3), many(2, 2), many(1, 3)},
		"to nothing":    {nil, many(1, 2), many(1, 2)},
		"from nothing":  {many(1, 2), nil, many(1, 2)},
		"new ones last": {many(1, 3), many(2, 4), many(1, 5)},
		"bounded":       {many(1, maxSeen), many(maxSeen, 3), many(3, maxSeen)},
	} {
		a := &Call{Caller: Party{User: "a", Device: "1", Seen: tc.into}, Callee: Party{User: "b", Seen: tc.into}}
		b := &Call{Caller: Party{User: "a", Device: "1", Seen: tc.from}, Callee: Party{User: "b", Device: "2", Seen: tc.from}}
		before := fmt.Sprint(tc.into, tc.from)
		MergeSeen(a, b)
		if got := fmt.Sprint(a.Caller.Seen); got != fmt.Sprint(tc.want) {
			t.Errorf("%s: %s, want %v", name, got, tc.want)
		}
		if fmt.Sprint(a.Callee.Seen) != fmt.Sprint(tc.into) {
			t.Errorf("%s: another device's were taken", name)
		}
		if fmt.Sprint(tc.into, tc.from) != before {
			t.Errorf("%s: a list was changed in place", name)
		}
	}
}

func BenchmarkSoft(b *testing.B) {
	t := new(testing.T)
	c := answered(t, "A1", "b1", "b2", "B3").c.Acked(100)
	next, _, _ := Step(c, SendSignal{dev("A1"), opaque("1")}, t0)
	b.ReportAllocs()
	for b.Loop() {
		if !Soft(&c, &next) {
			b.Fatal("not soft")
		}
	}
}

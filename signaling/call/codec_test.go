package call

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fill sets every field of a value to something that is not zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"a<b>&": ` + strings.Repeat("1", *n) + `}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString("<é>" + strings.Repeat("x", *n%5))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(2)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	default:
		panic(v.Kind().String())
	}
}

func filled() (c Call) {
	var n int
	fill(reflect.ValueOf(&c).Elem(), &n)
	return c
}

func TestCodec_EveryFieldSurvives(t *testing.T) {
	c := filled()
	got, err := Decode([]byte(encoded(c)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, got) {
		t.Fatalf("\n%+v\n%+v", c, got)
	}
	v, st, ok := Head([]byte(encoded(c))[:HeadLen])
	if v != c.Version || st != c.State || !ok {
		t.Fatal(v, st, ok)
	}
}

// TestCodec_EachFieldAlone: none needs another one, and none is mixed up with
// another one.
func TestCodec_EachFieldAlone(t *testing.T) {
	full := filled()
	var walk func(index []int, v reflect.Value)
	walk = func(index []int, v reflect.Value) {
		for i := range v.NumField() {
			at := append(index[:len(index):len(index)], i)
			if v.Field(i).Kind() == reflect.Struct {
				walk(at, v.Field(i))
				continue
			}
			c := Call{ID: "c", State: Ringing}
			reflect.ValueOf(&c).Elem().FieldByIndex(at).Set(v.Field(i))
			got, err := Decode([]byte(encoded(c)))
			if err != nil || !reflect.DeepEqual(c, got) {
				t.Fatalf("%v %v\n%+v\n%+v", err, at, c, got)
			}
		}
	}
	walk(nil, reflect.ValueOf(full))
	for _, list := range []Call{
		{Outbox: []Effect{{}, {Seq: 1}}}, {Rung: []Rung{{}, {}}}, {Kept: []Kept{{}}}, {Outbox: []Effect{{To: To{Devices: []string{"", "x", ""}}}}},
		{Version: 1<<64 - 1, Started: -5, KeptBytes: -1},
	} {
		list.ID, list.State = "c", Answered
		got, err := Decode([]byte(encoded(list)))
		if err != nil || !reflect.DeepEqual(list, got) {
			t.Fatalf("%v\n%+v\n%+v", err, list, got)
		}
	}
}

func TestCodec_RandomWorldsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {
				for _, c := range w.calls {
					b := AppendCall(nil, c)
					got, err := Decode(b)
					if err != nil || !reflect.DeepEqual(normal(*c), normal(got)) {
						t.Fatalf("%v\n%+v\n%+v", err, *c, got)
					}
				}
			},
			"dial":    func(*rapid.T) { w.dial() },
			"press":   func(*rapid.T) { w.press() },
			"network": func(*rapid.T) { w.network() },
			"learn":   func(*rapid.T) { w.learnOne() },
			"inbox":   func(*rapid.T) { w.inbox() },
			"socket":  func(*rapid.T) { w.socket() },
			"time":    func(*rapid.T) { w.passTime() },
		})
	})
}

// normal has no lists that are empty and not nil: storage does not tell them
// apart.
func normal(c Call) Call {
	c.Outbox = slices.Clone(c.Outbox) // it is shared with other versions
	normalize(reflect.ValueOf(&c).Elem())
	return c
}

func normalize(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			normalize(v.Field(i))
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		}
		if v.Type() == reflect.TypeFor[[]Effect]() {
			for i := range v.Len() {
				normalize(v.Index(i))
			}
		}
	}
}

func TestCodec_Refuses(t *testing.T) {
	good := encoded(answered(t, "A1", "b1", "B2").c)
	if _, err := Decode([]byte("\x02" + good[1:])); !errors.Is(err, ErrVersion) {
		t.Errorf("newer version: %v", err)
	}
	for n := range len(good) {
		if c, err := Decode([]byte(good[:n])); err == nil {
			t.Fatalf("accepted the first %d of %d bytes: %+v", n, len(good), c)
		}
	}
	for _, bad := range []string{good + "\x00", "\x00" + good[1:], "{}", good[:9] + "\x09" + good[10:]} {
		if c, err := Decode([]byte(bad)); err == nil {
			t.Errorf("accepted %q: %+v", bad, c)
		}
	}
}

// TestCodec_LaterFieldsAreSkipped: what a newer program adds does not hinder an
// older one.
func TestCodec_LaterFieldsAreSkipped(t *testing.T) {
	c := answered(t, "A1", "B1").c
	e := encoder{}
	e.num(60, 1<<40)
	e.fixed(61, 7)
	e.item(62, "later")
	e.group(63)
	e.group(1)
	e.item(2, "deep")
	e.end()
	e.num(3, 9)
	e.end()
	good := encoded(c)
	got, err := Decode([]byte(good[:HeadLen] + string(e.b) + good[HeadLen:len(good)-1] + string(e.b) + "\x00"))
	if err != nil || encoded(got) != good {
		t.Fatal(err)
	}
	deep := strings.Repeat(string([]byte{63<<wireBits | asGroup}), 1000)
	if _, err := Decode([]byte(good[:HeadLen] + deep)); err == nil {
		t.Fatal("accepted groups without end")
	}
}

func TestCodec_IsCompact(t *testing.T) {
	c := answered(t, "A1", "B1").c.Acked(100)
	if n := len(encoded(c)); n > 160 {
		t.Errorf("an answered call takes %d bytes: %q", n, encoded(c))
	}
	// An offer that is kept and told of is written once.
	s := ringWith(t, DefaultConfig(), func(r *Ring) { r.Signal = SignalInfo(bigOffer(1)) })
	b := encoded(s.c)
	if n := len(b) - len(bigOffer(1)); n > 200 {
		t.Errorf("a ringing call takes %d bytes more than its offer", n)
	}
	back, err := Decode([]byte(b))
	if err != nil || encoded(back) != b {
		t.Errorf("read and written again it is another record: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	t := new(testing.T)
	f.Add([]byte(encoded(ring(t, "A1", "B1").c)))
	f.Add([]byte(encoded(answered(t, "a1", "b1", "b2").c)))
	f.Add([]byte(encoded(filled())))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Decode(b)
		if err != nil {
			return
		}
		again, err := Decode([]byte(encoded(c)))
		if err != nil || !reflect.DeepEqual(normal(c), normal(again)) {
			t.Fatalf("%v\n%+v\n%+v", err, c, again)
		}
		// Whatever was read can be stepped and stored.
		for _, in := range []Input{Timeout{}, Delivered{devs("b7")}, DeviceOnline{Who: dev("b8")}, Answer{dev("b9"), cand(1)},
			Answer{dev("b9"), opaque("1")}, SendSignal{dev("a1"), opaque("2")}, Ack{1}, End{Who{User: c.Caller.User, Device: c.Caller.Device}}} {
			c, _, _ = Step(c, in, t0)
		}
		if _, err := Decode([]byte(encoded(c))); err != nil {
			t.Fatal(err)
		}
	})
}

// A record that has to grow while it is written is copied: a call with signals of
// 2 KiB is not.
func TestEncode_SizeHint(t *testing.T) {
	rings := ringWith(t, DefaultConfig(), func(r *Ring) { r.Signal, r.Devices = SignalInfo(bigOffer(1)), devs("B1", "b2", "B3") })
	talk := rings.c
	for i, in := range []Input{Answer{dev("B1"), SignalInfo(bigOffer(2))}, End{dev("A1")}} {
		if n := len(encoded(talk)); n > sizeHint(&talk) {
			t.Errorf("version %d takes %d bytes, the hint says %d", i, n, sizeHint(&talk))
		}
		var err error
		if talk, _, err = Step(talk.Acked(talk.Seq), in, t0); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(encoded(talk)); n > sizeHint(&talk) {
		t.Errorf("the ended call takes %d bytes, the hint says %d", n, sizeHint(&talk))
	}
}

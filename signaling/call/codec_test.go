package call

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
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
			v.SetBytes([]byte(`{"a<b>&":1}`))
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

func TestCodec_EveryFieldSurvives(t *testing.T) {
	var c Call
	var n int
	fill(reflect.ValueOf(&c).Elem(), &n)
	got, err := Decode([]byte(mustEncode(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, got) {
		t.Fatalf("\n%+v\n%+v", c, got)
	}
}

func TestCodec_Refuses(t *testing.T) {
	c := ring(t, "A1", "B1").c
	good := mustEncode(t, c)
	if !strings.HasPrefix(good, `{"v":1,`) {
		t.Fatal(good)
	}
	if _, err := Decode([]byte(strings.Replace(good, `{"v":1,`, `{"v":2,`, 1))); !errors.Is(err, ErrVersion) {
		t.Errorf("newer version: %v", err)
	}
	if _, err := Decode([]byte(strings.Replace(good, `{"v":1,`, `{"v":1,"later":[],`, 1))); err != nil {
		t.Errorf("unknown field: %v", err)
	}
	for _, bad := range []string{"", "null", "{}", `{"v":1}`, `{"v":1,"id":"x","st":9}`, `{"v":1,"id":"x","st":1,"a":{"h":"AA"}}`, good[:len(good)-1]} {
		if c, err := Decode([]byte(bad)); err == nil {
			t.Errorf("accepted %q: %+v", bad, c)
		}
	}
}

func TestCodec_IsCompact(t *testing.T) {
	c := answered(t, "A1", "B1").c.Acked(100)
	if n := len(mustEncode(t, c)); n > 420 {
		t.Errorf("an answered call takes %d bytes: %s", n, mustEncode(t, c))
	}
}

func FuzzDecode(f *testing.F) {
	t := new(testing.T)
	f.Add([]byte(mustEncode(t, ring(t, "A1", "B1").c)))
	f.Add([]byte(mustEncode(t, answered(t, "a1", "b1", "b2").c)))
	f.Add([]byte(`{"v":1,"id":"x","st":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Decode(b)
		if err != nil {
			return
		}
		// Whatever was read can be stepped and stored.
		for _, in := range []Input{Timeout{}, Delivered{devs("b7")}, DeviceOnline{Who: dev("b8")}, Answer{dev("b9"), cand(1)},
			Answer{dev("b9"), opaque("1")}, SendSignal{dev("a1"), opaque("2")}, Ack{1}, End{Who{User: c.Caller.User, Device: c.Caller.Device}}} {
			c, _, _ = Step(c, in, t0)
		}
		if _, err := Encode(c); err != nil {
			t.Fatal(err)
		}
	})
}

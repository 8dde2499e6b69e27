package socketio

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]header{
		`0`:                            {kind: '0'},
		`0{"token":"1"}`:               {kind: '0', payload: []byte(`{"token":"1"}`)},
		`0/admin,{"a":1}`:              {kind: '0', nsp: []byte("/admin"), payload: []byte(`{"a":1}`)},
		`0/admin`:                      {kind: '0', nsp: []byte("/admin")},
		`0/,`:                          {kind: '0'},
		`1/admin,`:                     {kind: '1', nsp: []byte("/admin")},
		`1`:                            {kind: '1'},
		`2["a"]`:                       {kind: '2', payload: []byte(`["a"]`)},
		`2[1,"b"]`:                     {kind: '2', payload: []byte(`[1,"b"]`)},
		`212["a"]`:                     {kind: '2', id: 12, hasID: true, payload: []byte(`["a"]`)},
		`2/x,0["a",{"b":[1]}]`:         {kind: '2', nsp: []byte("/x"), id: 0, hasID: true, payload: []byte(`["a",{"b":[1]}]`)},
		`29007199254740991["a"]`:       {kind: '2', id: 1<<53 - 1, hasID: true, payload: []byte(`["a"]`)},
		`2`:                            {kind: '2'},
		`31[]`:                         {kind: '3', id: 1, hasID: true, payload: []byte(`[]`)},
		`31`:                           {kind: '3', id: 1, hasID: true},
		`4"no"`:                        {kind: '4', payload: []byte(`"no"`)},
		`50-["a"]`:                     {kind: '2', binary: true, payload: []byte(`["a"]`)},
		`52-/x,7["a",{"num":0}]`:       {kind: '2', binary: true, attachments: 2, nsp: []byte("/x"), id: 7, hasID: true, payload: []byte(`["a",{"num":0}]`)},
		`61-3[{"_placeholder":false}]`: {kind: '3', binary: true, attachments: 1, id: 3, hasID: true, payload: []byte(`[{"_placeholder":false}]`)},
	} {
		var got header
		if err := parse(&got, []byte(text), 10); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(got.payload) == 0 {
			got.payload = nil
		}
		if want.kind == typeEvent && want.payload != nil {
			want.elems, _ = rawjson.Array(nil, want.payload)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestParse_Refuses(t *testing.T) {
	for _, text := range []string{
		``, `7`, `a`, `/`, `{}`,
		`0[]`, `0"a"`, `0{`, `0{"a":1}x`, `0/x,[]`,
		`1{}`, `1[]`, `1x`,
		`2{}`, `2"a"`, `2[]`, `2[ ]`, `2["a"`, `2["a"]]`, `2abc["a"]`, `2-1["a"]`, `2null`, "2\v[\"a\"]", "2[\"\xff\"]",
		`29007199254740992["a"]`, `299999999999999999999["a"]`, `21.5["a"]`,
		`3{}`, `31"a"`, `3x`,
		`4[]`, `4null`,
		`5["a"]`, `5-["a"]`, `5x-["a"]`, `511-["a"]`, `51`, `51["a"]`, `5-1-["a"]`, `51.0-["a"]`,
		`6-[]`, `6[]`,
	} {
		var h header
		if err := parse(&h, []byte(text), 10); !errors.Is(err, ErrParse) {
			t.Errorf("%s: accepted as %+v (%v)", text, h, err)
		}
	}
}

func TestSplitEvent(t *testing.T) {
	for payload, want := range map[string][2]string{
		`["a"]`:                {"a", ""},
		`[ "a" , 1 , "b" ]`:    {"a", `1 , "b"`},
		`["a\"b\u00e9",{}]`:    {"a\"bé", "{}"},
		`["a\\",1]`:            {`a\`, "1"},
		`["",null]`:            {"", "null"},
		`[5]`:                  {"5", ""},
		`[-1.5e3 ,[1]]`:        {"-1.5e3", "[1]"},
		`["connected",",\"]"]`: {"connected", `",\"]"`},
	} {
		name, args, err := splitEvent([]byte(payload))
		if err != nil || string(name) != want[0] || string(args) != want[1] {
			t.Errorf("%s: %q %q %v", payload, name, args, err)
		}
	}
	for _, payload := range []string{
		`["connect"]`, `["connect_error",1]`, `["disconnect"]`, `["disconnecting"]`, `["newListener"]`,
		`["removeListener"]`, `["\u0063onnect"]`, `[{}]`, `[null]`, `[true]`, `[["a"]]`,
	} {
		if name, _, err := splitEvent([]byte(payload)); !errors.Is(err, ErrParse) {
			t.Errorf("%s: accepted as %q", payload, name)
		}
	}
}

func TestCheckPlaceholders(t *testing.T) {
	for raw, want := range map[string]bool{
		`["a",{"_placeholder":true,"num":0}]`:                 true,
		`["a",{"x":[{"_placeholder":true,"num":1}]}]`:         true,
		`["a",{"_placeholder":true,"num":2}]`:                 false,
		`["a",{"_placeholder":true,"num":-1}]`:                false,
		`["a",{"_placeholder":true,"num":"splice"}]`:          false,
		`["a",{"_placeholder":true}]`:                         false,
		`["a",{"_placeholder":false,"num":99}]`:               true,
		`["a",{"x":{"y":{"_placeholder":true,"num":0.5}}}]`:   false,
		`["a",{"x":1,"y":{"_placeholder":true,"num":1e400}}]`: false,
	} {
		if got := checkPlaceholders([]byte(raw), 2); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`0{"a":1}`, `0/x,`, `2/x,12["a",1]`, `51-["a",{"_placeholder":true,"num":0}]`, `31[]`, `41`, `62-7[]`, `2["\u0000",{}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var h header
		if parse(&h, data, 10) != nil {
			return
		}
		if h.attachments < 0 || h.attachments > 10 || h.id > maxID {
			t.Fatalf("%q: %+v", data, h)
		}
		if h.kind == typeEvent && len(h.payload) > 0 {
			name, args, err := splitEvent(h.payload)
			if err != nil {
				return
			}
			e := Event{Name: name, Args: args, payload: h.payload, elems: h.elems}
			again := append(append([]byte("["), args...), ']')
			o := Event{payload: again}
			if a, b := e.List(nil), o.List(nil); !slices.EqualFunc(a, b, bytes.Equal) {
				t.Fatalf("%q: arguments %q and %q", data, a, b)
			}
			checkPlaceholders(h.payload, h.attachments)
		}
	})
}

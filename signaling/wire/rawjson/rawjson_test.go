package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `truex`, `0`, `-0`, `01`, `-`, `1.`, `1.5e+3`, `1e`, `.5`, `+1`, `1e5 `,
	`""`, `"a"`, `"a`, `"\"`, `"\u12"`, `"\u12zz"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx\ude00"`, `"\x"`, "\"\x01\"", "\"\xff\"", "\"\xc3\x28\"", "\"\xed\xa0\x80\"",
	`"Grüße, 世界 😀, 0123456789abcdef"`, `"0123456789abcdef\n0123456789"`, "\"01234567\x7f9\"", "\"0123456789\x00\"",
	`[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1]]`, ` [ 1 , "two" , {"three":[3]} , null ] `, `[[[]]]`, `[}`, `[{]}`,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, ` { "a" : 1 , "b" : {"c":[1,2,{}]} } `, `{"a":1,"a":2}`, `{"\u0061":1}`, `{"a":1}}`, "\ufeff{}", "[1]\x00",
	`{"event":"call:user","args":[{"to":"u2","signal":{"type":"offer","sdp":"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"}}],"id":7}`,
}

// deep measures nesting outside of strings.
func deep(b []byte) int {
	depth, most, in, esc := 0, 0, false, false
	for _, c := range b {
		switch {
		case esc:
			esc = false
		case in && c == '\\':
			esc = true
		case c == '"':
			in = !in
		case in:
		case c == '[' || c == '{':
			depth++
			most = max(most, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return most
}

func oracle(b []byte) bool { return json.Valid(b) && utf8.Valid(b) && deep(b) <= MaxDepth }

func TestValid_AgreesWithEncodingJSON(t *testing.T) {
	for _, s := range seeds {
		if got, want := Valid([]byte(s)), oracle([]byte(s)); got != want {
			t.Errorf("Valid(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestValid_Depth(t *testing.T) {
	nest := func(open, end string, n int) []byte {
		return []byte(strings.Repeat(open, n) + "1" + strings.Repeat(end, n))
	}
	for _, c := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		if !Valid(nest(c[0], c[1], MaxDepth)) {
			t.Errorf("%d deep of %q refused", MaxDepth, c[0])
		}
		if Valid(nest(c[0], c[1], MaxDepth+1)) {
			t.Errorf("%d deep of %q accepted", MaxDepth+1, c[0])
		}
	}
	if _, err := Array(nil, nest("[", "]", MaxDepth)); err != nil {
		t.Errorf("Array at the limit: %v", err)
	}
	if _, err := Array(nil, nest("[", "]", MaxDepth+1)); !errors.Is(err, ErrSyntax) {
		t.Errorf("Array over the limit: %v", err)
	}
	if Valid(bytes.Repeat([]byte("["), 1<<20)) {
		t.Error("a million brackets accepted")
	}
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		in, inner string
		elems     []string
		err       error
	}{
		{`[]`, ``, nil, nil},
		{` [ ] `, ``, nil, nil},
		{`[1]`, `1`, []string{`1`}, nil},
		{" [ 1 ,\t\"two, ]\" , {\"three\": [3]} \n] ", "1 ,\t\"two, ]\" , {\"three\": [3]}", []string{`1`, `"two, ]"`, `{"three": [3]}`}, nil},
		{`{"a":1}`, ``, nil, ErrType},
		{`"x"`, ``, nil, ErrType},
		{``, ``, nil, ErrSyntax},
		{`[`, ``, nil, ErrSyntax},
		{`[1`, ``, nil, ErrSyntax},
		{`[1;2]`, ``, nil, ErrSyntax},
		{`[1,2] x`, ``, nil, ErrSyntax},
		{`[1,]`, ``, nil, ErrSyntax},
	} {
		pre := [][]byte{[]byte("kept")}
		elems, inner, err := Elements(pre, []byte(c.in))
		if !errors.Is(err, c.err) || string(inner) != c.inner || len(elems) != 1+len(c.elems) {
			t.Errorf("Elements(%q) = %q, %q, %v", c.in, elems, inner, err)
			continue
		}
		for i, e := range c.elems {
			if string(elems[1+i]) != e {
				t.Errorf("Elements(%q)[%d] = %q, want %q", c.in, i, elems[1+i], e)
			}
		}
	}
}

func TestObject(t *testing.T) {
	var got []string
	collect := func(k, v []byte) bool { got = append(got, string(k)+"="+string(v)); return string(k) != "stop" }
	for _, c := range []struct {
		in, want string
		err      error
	}{
		{`{}`, ``, nil},
		{` { "a" : [1, 2] , "b":"x" } `, `a=[1, 2] b="x"`, nil},
		{`{"a":1,"a":2}`, `a=1 a=2`, nil},
		{`{"\u0061\"":1}`, `a"=1`, nil},
		{`{"stop":1, broken`, `stop=1`, ErrStopped},
		{`{"a":1,`, `a=1`, ErrSyntax},
		{`{"a":1}x`, `a=1`, ErrSyntax},
		{`{"a" 1}`, ``, ErrSyntax},
		{`{1:1}`, ``, ErrSyntax},
		{`[]`, ``, ErrType},
		{` `, ``, ErrSyntax},
	} {
		got = nil
		err := Object([]byte(c.in), collect)
		if !errors.Is(err, c.err) || strings.Join(got, " ") != c.want {
			t.Errorf("Object(%q) = %q, %v", c.in, got, err)
		}
	}
}

func TestString(t *testing.T) {
	for _, s := range append(seeds, `"`+strings.Repeat(`\n`, 300)+`"`, ` "padded" `) {
		var want string
		valid := oracle([]byte(s)) && json.Unmarshal([]byte(s), &want) == nil && strings.HasPrefix(strings.TrimSpace(s), `"`)
		got, ok := String([]byte(s))
		if ok != valid || got != want {
			t.Errorf("String(%q) = %q, %v; want %q, %v", s, got, ok, want, valid)
		}
	}
	raw := []byte(`"plain"`)
	if b, _ := StringBytes(nil, raw); &b[0] != &raw[1] {
		t.Error("StringBytes copied a string without escapes")
	}
}

func TestSmallValues(t *testing.T) {
	for _, c := range []struct {
		raw string
		n   int64
		ok  bool
	}{
		{"0", 0, true}, {"-0", 0, true}, {" 42 ", 42, true}, {"-7", -7, true},
		{"9223372036854775807", math.MaxInt64, true}, {"-9223372036854775808", math.MinInt64, true},
		{"9223372036854775808", 0, false}, {"-9223372036854775809", 0, false}, {"99999999999999999999", 0, false},
		{"1.0", 0, false}, {"1e3", 0, false}, {"01", 0, false}, {"", 0, false}, {"-", 0, false}, {`"1"`, 0, false},
	} {
		if n, ok := Int64([]byte(c.raw)); n != c.n || ok != c.ok {
			t.Errorf("Int64(%q) = %d, %v", c.raw, n, ok)
		}
	}
	for raw, want := range map[string][2]bool{"true": {true, true}, " false": {false, true}, "null": {}, "": {}, "truex": {}} {
		if v, ok := Bool([]byte(raw)); v != want[0] || ok != want[1] {
			t.Errorf("Bool(%q) = %v, %v", raw, v, ok)
		}
	}
	for raw, want := range map[string]bool{"null": true, "": true, "  ": true, "0": false, `"null"`: false} {
		if IsNull([]byte(raw)) != want {
			t.Errorf("IsNull(%q) = %v", raw, !want)
		}
	}
	for raw, want := range map[string]Kind{"": Invalid, "x": Invalid, "null": Null, "true": Boolean, "-1": Number, " 5": Number, `""`: Text, "[]": List, "{}": Record} {
		if k := KindOf([]byte(raw)); k != want {
			t.Errorf("KindOf(%q) = %d, want %d", raw, k, want)
		}
	}
}

func TestAppendString_RoundTrip(t *testing.T) {
	for _, s := range []string{"", "a", "0123456789abcdef", `quote " and \ in 0123456789`, "\x00\x1f\b\f\n\r\t\x7f", "<>&\u2028\u2029", "Grüße 世界 😀", "bad \xff\xc3 end", "0123456\xff"} {
		b := AppendString([]byte("x"), s)
		if b = b[1:]; !Valid(b) {
			t.Errorf("AppendString(%q) = %q is not valid", s, b)
		}
		if got, _ := String(b); got != strings.ToValidUTF8(strings.ReplaceAll(strings.ReplaceAll(s, "\xff", "\ufffd"), "\xc3 ", "\ufffd "), "\ufffd") {
			t.Errorf("AppendString(%q) decodes to %q", s, got)
		}
	}
	if got := string(AppendString(nil, "<>&\u2028\x01\xff")); got != "\"<>&\u2028\\u0001\\ufffd\"" {
		t.Errorf("AppendString = %q", got)
	}
}

func TestNothingAllocates(t *testing.T) {
	obj := []byte(`{"event":"typing","args":[{"senderId":"a","receiverId":"b\u0020"}],"n":12}`)
	elems := make([][]byte, 0, 8)
	dst := make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		if !Valid(obj) {
			t.Fatal("invalid")
		}
		_ = Object(obj, func(k, v []byte) bool {
			if string(k) == "args" {
				elems, _, _ = Elements(elems[:0], v)
			}
			StringBytes(dst, v)
			Int64(v)
			return true
		})
		dst = AppendString(dst[:0], "some text with \n in it")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzValid(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := oracle(b)
		if got := Valid(b); got != want {
			t.Fatalf("Valid(%q) = %v", b, got)
		}
		trimmed := bytes.Trim(b, " \t\r\n")
		elems, inner, err := Elements(nil, b)
		if (err == nil) != (want && trimmed[0] == '[') {
			t.Fatalf("Elements(%q): %v", b, err)
		}
		if err == nil {
			var raws []json.RawMessage
			if json.Unmarshal(b, &raws) != nil || len(raws) != len(elems) {
				t.Fatalf("Elements(%q): %d, want %d", b, len(elems), len(raws))
			}
			for i := range raws {
				if !bytes.Equal(raws[i], elems[i]) {
					t.Fatalf("Elements(%q)[%d] = %q, want %q", b, i, elems[i], raws[i])
				}
			}
			if !bytes.Equal(inner, bytes.Trim(trimmed[1:len(trimmed)-1], " \t\r\n")) {
				t.Fatalf("Elements(%q): inner %q", b, inner)
			}
		}
		got := map[string]json.RawMessage{}
		err = Object(b, func(k, v []byte) bool { got[string(k)] = v; return true })
		if (err == nil) != (want && trimmed[0] == '{') {
			t.Fatalf("Object(%q): %v", b, err)
		}
		if err == nil {
			var raws map[string]json.RawMessage
			if json.Unmarshal(b, &raws) != nil || len(raws) != len(got) {
				t.Fatalf("Object(%q): %d members, want %d", b, len(got), len(raws))
			}
			for k := range raws {
				if !bytes.Equal(raws[k], got[k]) {
					t.Fatalf("Object(%q)[%q] = %q, want %q", b, k, got[k], raws[k])
				}
			}
		}
		var s string
		isText := want && trimmed[0] == '"' && json.Unmarshal(b, &s) == nil
		if g, ok := String(b); ok != isText || g != s {
			t.Fatalf("String(%q) = %q, %v; want %q, %v", b, g, ok, s, isText)
		}
		n, nerr := strconv.ParseInt(string(trimmed), 10, 64)
		isInt := want && nerr == nil
		if g, ok := Int64(b); ok != isInt || (ok && g != n) {
			t.Fatalf("Int64(%q) = %d, %v", b, g, ok)
		}
	})
}

func FuzzAppendString(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := AppendString(nil, s)
		if !oracle(b) || !Valid(b) {
			t.Fatalf("AppendString(%q) = %q", s, b)
		}
		var want string
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if got, ok := String(b); !ok || got != want || want != string([]rune(s)) {
			t.Fatalf("AppendString(%q) decodes to %q, %q", s, got, want)
		}
	})
}

func sdp(n int) []byte {
	var s strings.Builder
	for s.Len() < n-60 {
		s.WriteString("a=candidate:1 1 udp 2130706431 192.168.1.10 54321 typ host\r\n")
	}
	b := AppendString([]byte(`{"type":"offer","sdp":`), s.String())
	return append(b, '}')
}

func BenchmarkValidSDP2K(b *testing.B) {
	in := sdp(2048)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if !Valid(in) {
			b.Fatal("invalid")
		}
	}
}

func BenchmarkValidASCII(b *testing.B) {
	in := []byte(`"` + strings.Repeat("plain ascii text ", 240) + `"`)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		Valid(in)
	}
}

func BenchmarkValidTyping(b *testing.B) {
	in := []byte(`["typing",{"senderId":"abcdefghijklmnopqrst","receiverId":"0123456789"}]`)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		Valid(in)
	}
}

func BenchmarkEncodingJSONValidSDP2K(b *testing.B) {
	in := sdp(2048)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		json.Valid(in)
	}
}

package rawjson

import (
	"errors"
	"fmt"
	"testing"
)

// listed is what one of the two walkers reports.
func listed(walk func([]byte, func(k, v []byte) bool) error, b []byte) string {
	s := ""
	err := walk(b, func(k, v []byte) bool {
		s += fmt.Sprintf("%q=%q;", k, v)
		return true
	})
	return fmt.Sprint(s, err)
}

func FuzzMembersAgreesWithObject(f *testing.F) {
	for _, s := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a\"b\\":"c\\","d":[{"e":"]}"},2 ] , "f" : null}`, `{"to":"bob","signal":{"type":"offer","sdp":"v=0\r\no=- 1 2"}}`,
		`[]`, `1`, ``, `{"a":1,"a":{"b":{"c":[[]]}}}`, `{"\u0061":true,"b":-1.5e+3}`, `{"a"`, `{"a":}`, `{"a":1,}`, `{"a":"\"`, `{,}`, `{"a":]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := listed(Members, b) // never panics, whatever it is given
		if !Valid(b) {
			return
		}
		if want := listed(Object, b); got != want {
			t.Fatalf("%q: members %s, object %s", b, got, want)
		}
	})
}

func TestMembersStops(t *testing.T) {
	n := 0
	err := Members([]byte(`{"a":1,"b":2}`), func(_, _ []byte) bool { n++; return false })
	if !errors.Is(err, ErrStopped) || n != 1 {
		t.Fatalf("%v after %d", err, n)
	}
}

func BenchmarkMembers2KiB(b *testing.B) {
	raw := append([]byte(`{"type":"offer","sdp":"`), make([]byte, 2048)...)
	for i := 23; i < len(raw); i++ {
		raw[i] = 'a'
	}
	raw = append(raw, `"}`...)
	for b.Loop() {
		_ = Members(raw, func(_, _ []byte) bool { return true })
	}
}

package engine

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

func FuzzDecodeText(f *testing.F) {
	for _, s := range []string{"", "0", "4hello", "2probe", "6", "7", "b", "4\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		pk, err := decodeText(text)
		if err != nil {
			return
		}
		if pk.kind < typeOpen || pk.kind > typeNoop || pk.binary || !bytes.Equal(append([]byte{pk.kind}, pk.data...), text) {
			t.Fatalf("%q: %+v", text, pk)
		}
	})
}

// FuzzPayload decodes a body and encodes it again.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{"4hello", "4a\x1e4b", "4hello\x1ebAQIDBA==", "b", "bAQ", "\x1e", "4\x1e", "1\x1e6", "b!\x1e4", "4\xc3\x28"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var q queue
		decode := payload{rest: body}
		n := 0
		for {
			pk, ok, err := decode.next()
			if err != nil {
				return
			}
			if !ok {
				break
			}
			if n++; n > len(body)+1 {
				t.Fatal("it does not end")
			}
			if pk.binary {
				q.add(true, nil, pk.data)
				continue
			}
			if !utf8.Valid(pk.data) {
				t.Fatalf("%q: not UTF-8", pk.data)
			}
			q.add(false, []byte{pk.kind}, pk.data)
		}
		if n == 0 {
			t.Fatal("a payload without packets")
		}
		again := q.payload()
		if !q.empty() {
			t.Fatal("the queue is not empty")
		}
		first, second := payload{rest: body}, payload{rest: again}
		for {
			a, okA, _ := first.next()
			b, okB, err := second.next()
			if err != nil || okA != okB {
				t.Fatalf("%q became %q: %v", body, again, err)
			}
			if !okA {
				return
			}
			if a.kind != b.kind || a.binary != b.binary || !bytes.Equal(a.data, b.data) {
				t.Fatalf("%q became %q", body, again)
			}
		}
	})
}

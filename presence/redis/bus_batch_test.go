package redis

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
)

func TestBatchRoundTrip(t *testing.T) {
	t.Parallel()
	from := presence.Peer{Name: "node-1", Epoch: "abc"}
	want := []letter{
		{kind: 1, lane: presence.Must, seq: 1 << 40, payload: []byte("one")},
		{kind: 200, lane: presence.BestEffort, payload: []byte{}},
		{kind: 2, lane: presence.Must, seq: 1, payload: bytes.Repeat([]byte("x"), 1000)},
	}
	b := appendHead(nil, from, 7, 8, 9)
	for i := range want {
		b = appendLetter(b, &want[i])
	}
	h, rest, err := openBatch(b)
	if err != nil || string(h.name) != from.Name || string(h.epoch) != from.Epoch || h.origin != 7 || h.gen != 8 || h.number != 9 {
		t.Fatalf("%+v, %v", h, err)
	}
	for _, w := range want {
		var l letter
		if l, rest, err = nextLetter(rest); err != nil {
			t.Fatal(err)
		}
		if l.kind != w.kind || l.lane != w.lane || l.seq != w.seq || !bytes.Equal(l.payload, w.payload) {
			t.Fatalf("got %+v, want %+v", l, w)
		}
	}
	if len(rest) > 0 {
		t.Fatal("something is left")
	}
}

// A later release may append to the head and use other lanes and kinds; its
// other versions are told apart.
func TestP3_BatchesOfLaterReleases(t *testing.T) {
	t.Parallel()
	b := appendHead(nil, presence.Peer{Name: "n", Epoch: "e"}, 1, 2, 3)
	b[1] += 4
	b = append(b, "more"...)
	b = appendLetter(b, &letter{kind: 99, lane: 7, payload: []byte("?")})
	b = appendLetter(b, &letter{kind: 1, lane: presence.Must, seq: 1, payload: []byte("known")})
	h, rest, err := openBatch(b)
	if err != nil || h.number != 3 {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, rest, err = nextLetter(rest); err != nil {
		t.Fatal(err)
	}
	if l, _, err := nextLetter(rest); err != nil || string(l.payload) != "known" {
		t.Fatalf("%+v, %v", l, err)
	}
	b[0]++
	if _, _, err := openBatch(b); !errors.Is(err, errBatchVersion) {
		t.Fatal(err)
	}
}

func FuzzBatch(f *testing.F) {
	b := appendHead(nil, presence.Peer{Name: "n", Epoch: "e"}, 1, 2, 3)
	f.Add(appendLetter(b, &letter{kind: 1, lane: presence.Must, seq: 1, payload: []byte("x")}))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, rest, err := openBatch(b)
		for err == nil && len(rest) > 0 {
			_, rest, err = nextLetter(rest)
		}
	})
}

func TestRespOfBothProtocols(t *testing.T) {
	t.Parallel()
	const entries = "*2\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nb\r\n$4\r\nx\r\ny\r\n*2\r\n$3\r\n1-2\r\n*4\r\n$1\r\nw\r\n$0\r\n\r\n$1\r\nb\r\n$1\r\nz\r\n"
	for _, reply := range []string{
		"*1\r\n*2\r\n$1\r\nk\r\n" + entries,
		"%1\r\n$1\r\nk\r\n" + entries,
	} {
		r := resp{[]byte(reply)}
		n, err := r.streams()
		if n != 2 || err != nil {
			t.Fatal(n, err)
		}
		for _, w := range [][2]string{{"1-1", "x\r\ny"}, {"1-2", "z"}} {
			id, v, err := r.entry()
			if err != nil || string(id) != w[0] || string(v) != w[1] {
				t.Fatalf("%q %q %v", id, v, err)
			}
		}
	}
	for _, reply := range []string{"*-1\r\n", "_\r\n", "$-1\r\n"} {
		r := resp{[]byte(reply)}
		if n, err := r.streams(); n != 0 || err != nil {
			t.Fatalf("%q: %d %v", reply, n, err)
		}
	}
	r := resp{[]byte("-MOVED 1 x\r\n")}
	if _, err := r.streams(); err == nil {
		t.Fatal("an error reply is none")
	}
}

func FuzzResp(f *testing.F) {
	f.Add([]byte("*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nb\r\n$1\r\nz\r\n"))
	f.Add([]byte("%1\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-1\r\n_\r\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := resp{b}
		n, err := r.streams()
		if err != nil {
			return
		}
		for range n {
			if _, _, err := r.entry(); err != nil {
				return
			}
		}
	})
}

func TestIDAfter(t *testing.T) {
	t.Parallel()
	if got := idAfter("12-9"); got != "12-10" {
		t.Fatal(got)
	}
}

package call

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

func TestSignalInfo_Kinds(t *testing.T) {
	for raw, want := range map[string]SignalKind{
		``:                                SignalNone,
		` null `:                          SignalNone,
		`{"type":"offer","sdp":"v=0"}`:    SignalOffer,
		` {"sdp":"v=0", "type":"offer" }`: SignalOffer,
		`{"type":"answer","sdp":"v=0"}`:   SignalAnswer,
		`{"type":"pranswer","sdp":"v=0"}`: SignalAnswer,
		`{"candidate":{"candidate":"c"}}`: SignalCandidate,
		`{"type":"candidate","candidate":{"candidate":"c"}}`:         SignalCandidate,
		`{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0}`: SignalCandidate,
		`{"candidate":null}`:                                              SignalCandidate,
		`{"renegotiate":true}`:                                            SignalRequest,
		`{"type":"renegotiate","renegotiate":true}`:                       SignalRequest,
		`{"type":"transceiverRequest","transceiverRequest":{"kind":"a"}}`: SignalRequest,
		`{"type":"rollback"}`:                                             SignalOther,
		`"offer"`:                                                         SignalOther,
		`[1]`:                                                             SignalOther,
		`7`:                                                               SignalOther,
		`{}`:                                                              SignalOther,
		`{"type":"offer"`:                                                 SignalOther,
		`{"sdp":"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"}`: SignalOther,
	} {
		if got := SignalInfo([]byte(raw)); got.Kind != want || (got.Hash == 0) != (want == SignalNone) {
			t.Errorf("%s: %+v, want kind %d", raw, got, want)
		}
	}
}

func TestC10_SessionOfAnOffer(t *testing.T) {
	session := func(sdp string) uint64 {
		raw, err := json.Marshal(map[string]string{"type": "offer", "sdp": sdp})
		if err != nil {
			t.Fatal(err)
		}
		return SignalInfo(raw).Session
	}
	a := session("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\n")
	for name, sdp := range map[string]string{
		"next version":     "v=0\r\no=- 4611731400430051336 3 IN IP4 127.0.0.1\r\ns=-\r\n",
		"newlines":         "v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\ns=-\n",
		"last line":        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1",
		"first line":       "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n",
		"escapes before":   "v=0\r\ni=\"quoted\\\"\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n",
		"carriage return":  "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r",
		"another o= later": "o=- 4611731400430051336 2 IN IP4 127.0.0.1\r\no=- 1 1 IN IP4 10.0.0.1\r\n",
		"backslash ahead":  "v=0\\\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n",
	} {
		if b := session(sdp); b != a || b == 0 {
			t.Errorf("%s: %x, want %x", name, b, a)
		}
	}
	escaped := []byte(`{"type":"offer","sdp":"v=0\u000d\u000ao=- 4611731400430051336 2 IN IP4 127.0.0.1\u000d\u000as=-"}`)
	if got := SignalInfo(escaped).Session; got != a {
		t.Errorf("escaped line ends: %x", got)
	}
	for name, raw := range map[string]string{
		"hidden line end": `"v=0\u000ao=- 4611731400430051336 2 IN IP4 127.0.0.1\no=- 1 1 IN IP4 10.0.0.1\n"`,
		"hidden o":        `"v=0\n\u006f=- 4611731400430051336 2 IN IP4 127.0.0.1\no=- 1 1 IN IP4 10.0.0.1\n"`,
		"hidden first o":  `"\u006f=- 4611731400430051336 2 IN IP4 127.0.0.1\no=- 1 1 IN IP4 10.0.0.1\n"`,
		"hidden digit":    `"v=0\no=- \u0034611731400430051336 2 IN IP4 127.0.0.1\n"`,
	} {
		if got := SignalInfo([]byte(`{"type":"offer","sdp":` + raw + `}`)).Session; got != a {
			t.Errorf("%s: %x, want %x", name, got, a)
		}
	}
	for name, sdp := range map[string]string{
		"\r inside a line": "v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\rx\n",
		"other id":         "v=0\r\no=- 4611731400430051337 2 IN IP4 127.0.0.1\r\n",
		"other user":       "v=0\r\no=mozilla 4611731400430051336 2 IN IP4 127.0.0.1\r\n",
		"other address":    "v=0\r\no=- 4611731400430051336 2 IN IP4 10.0.0.1\r\n",
	} {
		if b := session(sdp); b == a || b == 0 {
			t.Errorf("%s: %x", name, b)
		}
	}
	for _, sdp := range []string{"", "v=0", "v=0\r\no=\r\n", "v=0\r\no=x\r\n", "v=0\r\n\\no=- 1 1 IN IP4 x\\r"} {
		if b := session(sdp); b != 0 {
			t.Errorf("%q has session %x", sdp, b)
		}
	}
}

func TestHash_IsStable(t *testing.T) {
	// Stored with calls: these may never change.
	for in, want := range map[string]uint64{"": 0x850f9794501f1cd, "a": 0xa9206a9c28c0cf11, `{"renegotiate":true}`: 0x9b5a8fa9dc3e4094} {
		if got := hash64([]byte(in)); got != want {
			t.Errorf("hash64(%q) = %#x, want %#x", in, got, want)
		}
	}
	seen := map[uint64]int{}
	b := bytes.Repeat([]byte{0}, 64)
	for n := range b {
		for i := range n {
			for bit := range 8 {
				b[i] ^= 1 << bit
				seen[hash64(b[:n])]++
				b[i] ^= 1 << bit
			}
		}
	}
	for h, n := range seen {
		if n > 1 {
			t.Fatalf("%d inputs share %#x", n, h)
		}
	}
}

func FuzzSignalInfo(f *testing.F) {
	for _, s := range []string{`{"type":"offer","sdp":"v=0\r\no=- 1 2 IN IP4 0\r\n"}`, `{"type":"offer","sdp":"\no=\\`, `{"type":"offer","sdp":"\\\no=a b\n"}`,
		`{"candidate":{}}`, `null`, `"\u000ao= "`, `{"type":"offer","sdp":"x\no=- 9 9 IN IP4 1"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sig := SignalInfo(raw)
		var m map[string]json.RawMessage
		// Signals are parts of frames that were validated, UTF-8 included.
		if !rawjson.Valid(raw) || sig.Kind != SignalOffer || json.Unmarshal(raw, &m) != nil {
			return
		}
		// The quick look finds what a full decoding finds.
		var sdp string
		_ = json.Unmarshal(m["sdp"], &sdp)
		var want uint64
		for line := range strings.SplitSeq(sdp, "\n") {
			if rest, ok := strings.CutPrefix(line, "o="); ok {
				want = origin([]byte(strings.TrimSuffix(rest, "\r")))
				break
			}
		}
		if sig.Session != want {
			t.Fatalf("session %x, want %x of %q", sig.Session, want, sdp)
		}
	})
}

package call

import (
	"bytes"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// SignalKind is what a signal is, as far as call rules care.
type SignalKind uint8

// The kinds of signals.
const (
	SignalNone      SignalKind = 0 // none was sent, or null
	SignalOffer     SignalKind = 1 // {"type":"offer","sdp":"…"}
	SignalAnswer    SignalKind = 2 // {"type":"answer"|"pranswer","sdp":"…"}
	SignalCandidate SignalKind = 3 // {"type":"candidate",…}, {"candidate":{…}} or {"candidate":"…"}
	SignalRequest   SignalKind = 4 // {"renegotiate":true} or {"transceiverRequest":{…}}, as simple-peer sends
	SignalOther     SignalKind = 5 // anything else: opaque
)

// Starts reports whether a call can begin, or be answered, with such a
// signal: candidates and requests belong to a call that there is, or to none.
func (k SignalKind) Starts() bool { return k != SignalCandidate && k != SignalRequest }

// Repeatable reports whether an equal signal means something new each time.
func (k SignalKind) Repeatable() bool { return k == SignalRequest }

// SignalInfo looks into a raw signal without decoding it. The signal was
// validated with the frame it came in: it is JSON in UTF-8. With anything else
// the kind and session may be any, but it never panics.
func SignalInfo(raw []byte) Signal {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || rawjson.IsNull(raw) {
		return Signal{}
	}
	sig := Signal{Raw: raw, Kind: SignalOther, Hash: hash64(raw)}
	if raw[0] != '{' {
		return sig
	}
	var m members
	if rawjson.Members(raw, m.note) != nil {
		return sig
	}
	sig.Kind = m.kind()
	if sig.Kind == SignalOffer || sig.Kind == SignalAnswer {
		sig.Session = sdpSession(m.sdp)
	}
	return sig
}

// members are the parts of a signal object that say what it is.
type members struct {
	typ, sdp           []byte // raw values
	candidate, request bool
}

func (m *members) note(key, value []byte) bool {
	switch string(key) {
	case "type":
		m.typ = value
	case "sdp":
		m.sdp = value
	case "candidate":
		m.candidate = true
	case "renegotiate", "transceiverRequest":
		m.request = true
	}
	return true
}

func (m *members) kind() SignalKind {
	switch string(m.typ) {
	case `"offer"`:
		return SignalOffer
	case `"answer"`, `"pranswer"`:
		return SignalAnswer
	case `"candidate"`:
		return SignalCandidate
	case `"renegotiate"`, `"transceiverRequest"`:
		return SignalRequest
	}
	switch {
	case m.candidate:
		return SignalCandidate
	case m.request:
		return SignalRequest
	}
	return SignalOther
}

// sdpSession identifies the session of a session description, given as a raw
// JSON string: the fields of its o= line without the version, which grows
// with each renegotiation (RFC 8866 §5.2). Zero if it has none.
func sdpSession(raw []byte) uint64 {
	if line, ok := rawOrigin(raw); ok {
		return origin(line)
	}
	text, ok := rawjson.StringBytes(nil, raw)
	if !ok {
		return 0
	}
	for line := range bytes.SplitSeq(text, []byte{'\n'}) {
		if bytes.HasPrefix(line, []byte("o=")) {
			return origin(bytes.TrimSuffix(line[2:], []byte{'\r'}))
		}
	}
	return 0
}

// rawOrigin finds the o= line in the raw text, where its line ends are written
// \r\n or \n, as nearly all are. It leaves alone what only decoding can tell:
// a backslash before the line end makes it none, an \u escape or the very
// beginning may hide an earlier o=, and another escape may be part of the line.
func rawOrigin(raw []byte) (line []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' || bytes.HasPrefix(raw, []byte(`"o=`)) {
		return nil, false
	}
	i := bytes.Index(raw, []byte(`\no=`))
	if i < 0 || raw[i-1] == '\\' || bytes.Contains(raw[:i], []byte(`\u`)) {
		return nil, false
	}
	line = raw[i+len(`\no=`) : len(raw)-1]
	if j := bytes.IndexByte(line, '\\'); j >= 0 {
		end := line[j:]
		return line[:j], bytes.HasPrefix(end, []byte(`\n`)) || bytes.HasPrefix(end, []byte(`\r\n`))
	}
	return line, true
}

// origin hashes an o= line without its third field:
// <username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>.
func origin(line []byte) uint64 {
	user, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return 0
	}
	id, rest, _ := bytes.Cut(rest, []byte{' '})
	_, where, _ := bytes.Cut(rest, []byte{' '})
	if len(id) == 0 {
		return 0
	}
	return mix(mix(hash64(user), hash64(id)), hash64(where)) | 1
}

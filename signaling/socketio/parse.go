package socketio

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// ErrParse is wrapped by every error about a packet that can't be decoded.
var ErrParse = errors.New("socketio: invalid packet")

// The packet types of Socket.IO 5.
const (
	typeConnect      = '0'
	typeDisconnect   = '1'
	typeEvent        = '2'
	typeAck          = '3'
	typeConnectError = '4'
	typeBinaryEvent  = '5'
	typeBinaryAck    = '6'
)

// maxID is the largest acknowledgement id: clients count in JavaScript.
const maxID = 1<<53 - 1

// header is a decoded packet: <type>[<n>-][<namespace>,][<id>][<payload>].
// All slices point into what was parsed.
type header struct {
	kind        byte // typeBinaryEvent and typeBinaryAck become typeEvent and typeAck
	binary      bool
	attachments int
	nsp         []byte // with its slash; nil for "/"
	id          uint64
	hasID       bool
	payload     []byte   // valid JSON of the right shape for the type, or empty
	elems       [][]byte // of the payload of an event
}

// parse decodes the text of a packet and checks it as Node's parser does: the
// type, the count of attachments, the id, and that the payload is JSON of the
// type's shape.
func parse(h *header, data []byte, maxAttachments int) error {
	return parseInto(h, data, maxAttachments, nil)
}

// parseInto is parse with room for the elements of an event's payload.
func parseInto(h *header, data []byte, maxAttachments int, room [][]byte) error {
	*h = header{elems: room[:0]}
	if len(data) == 0 || data[0] < typeConnect || data[0] > typeBinaryAck {
		return fmt.Errorf("%w: unknown type", ErrParse)
	}
	h.kind = data[0]
	data = data[1:]
	if h.kind >= typeBinaryEvent {
		n, rest, ok := number(data, uint64(maxAttachments))
		if !ok || len(rest) == len(data) || len(rest) == 0 || rest[0] != '-' {
			return fmt.Errorf("%w: illegal attachments", ErrParse)
		}
		h.binary, h.attachments, data = true, int(n), rest[1:]
		h.kind -= typeBinaryEvent - typeEvent
	}
	if len(data) > 0 && data[0] == '/' {
		end := bytes.IndexByte(data, ',')
		if end < 0 {
			h.nsp, data = data, nil
		} else {
			h.nsp, data = data[:end], data[end+1:]
		}
		if len(h.nsp) == 1 {
			h.nsp = nil
		}
	}
	id, rest, ok := number(data, maxID)
	if !ok {
		return fmt.Errorf("%w: illegal id", ErrParse)
	}
	h.id, h.hasID, h.payload = id, len(rest) < len(data), rest
	return h.check()
}

// check looks at the payload.
func (h *header) check() error {
	p := trim(h.payload)
	h.payload = p
	if len(p) == 0 {
		return nil
	}
	ok := false
	switch h.kind {
	case typeConnect:
		ok = p[0] == '{' && rawjson.Valid(p)
	case typeConnectError:
		ok = (p[0] == '{' || p[0] == '"') && rawjson.Valid(p)
	case typeAck:
		ok = p[0] == '[' && rawjson.Valid(p)
	case typeEvent:
		var err error
		h.elems, err = rawjson.Array(h.elems, p)
		ok = err == nil && len(h.elems) > 0
	}
	if !ok {
		return fmt.Errorf("%w: invalid payload", ErrParse)
	}
	return nil
}

// trim cuts JSON's white space off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// number reads decimal digits; no digits leave rest as long as data. False: it
// is larger than the bound.
func number(data []byte, bound uint64) (n uint64, rest []byte, ok bool) {
	i := 0
	for i < len(data) && '0' <= data[i] && data[i] <= '9' {
		n = n*10 + uint64(data[i]-'0')
		if n > bound {
			return 0, nil, false
		}
		i++
	}
	return n, data[i:], true
}

// splitEvent takes a valid, non-empty JSON array apart: the name, which must be
// a number or a string without a meaning of its own, and what is left between
// the brackets.
func splitEvent(payload []byte) (name, args []byte, err error) {
	inner := trim(payload[1 : len(payload)-1])
	end := 0
	switch c := inner[0]; {
	case c == '"':
		for end = 1; inner[end] != '"'; end++ {
			if inner[end] == '\\' {
				end++
			}
		}
		end++
		var ok bool
		if name, ok = rawjson.StringBytes(nil, inner[:end]); !ok || reserved(string(name)) {
			return nil, nil, fmt.Errorf("%w: reserved event name", ErrParse)
		}
	case c == '-' || '0' <= c && c <= '9':
		for end < len(inner) && inner[end] != ',' {
			end++
		}
		name = trim(inner[:end])
	default:
		return nil, nil, fmt.Errorf("%w: event name is neither string nor number", ErrParse)
	}
	rest := trim(inner[end:])
	if len(rest) > 0 { // a comma
		rest = trim(rest[1:])
	}
	return name, rest, nil
}

// reserved reports whether an event name has a meaning of its own in clients or
// in Node's server.
func reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

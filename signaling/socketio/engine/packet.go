package engine

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrPacket is wrapped by every error about a packet that can't be decoded.
var ErrPacket = errors.New("engine: invalid packet")

// The packet types of Engine.IO 4.
const (
	typeOpen    = '0'
	typeClose   = '1'
	typePing    = '2'
	typePong    = '3'
	typeMessage = '4'
	typeUpgrade = '5'
	typeNoop    = '6'
	typeBinary  = 'b' // in payloads only: a message, base64
)

// separator stands between the packets of a payload.
const separator = 0x1e

var (
	messagePrefix = []byte{typeMessage}
	pingPacket    = []byte{typePing}
	probeAnswer   = []byte("3probe")
	closePayload  = []byte{typeClose}
	noopPayload   = []byte{typeNoop}
)

// packet is one decoded packet. data is valid as long as what it was decoded
// from, or until the next packet of the same payload is decoded.
type packet struct {
	kind   byte // typeOpen … typeNoop
	binary bool // kind is typeMessage and data are bytes
	data   []byte
}

// decodeText decodes the packet in a text frame.
func decodeText(text []byte) (packet, error) {
	if len(text) == 0 {
		return packet{}, fmt.Errorf("%w: empty", ErrPacket)
	}
	if text[0] < typeOpen || text[0] > typeNoop {
		return packet{}, fmt.Errorf("%w: unknown type %q", ErrPacket, text[0])
	}
	return packet{kind: text[0], data: text[1:]}, nil
}

// payload decodes the packets of a polling body one after the other.
type payload struct {
	rest    []byte
	done    bool
	scratch []byte
}

// next decodes the next packet; ok is false at the end. A payload has at least
// one packet.
func (p *payload) next() (pk packet, ok bool, err error) {
	if p.done {
		return packet{}, false, nil
	}
	text := p.rest
	if i := bytes.IndexByte(text, separator); i >= 0 {
		text, p.rest = text[:i], text[i+1:]
	} else {
		p.done = true
	}
	if len(text) > 0 && text[0] == typeBinary {
		data, err := decodeBase64(p.scratch[:0], text[1:])
		if err != nil {
			return packet{}, false, err
		}
		p.scratch = data
		return packet{kind: typeMessage, binary: true, data: data}, true, nil
	}
	pk, err = decodeText(text)
	if err == nil && !utf8.Valid(pk.data) {
		err = fmt.Errorf("%w: not UTF-8", ErrPacket)
	}
	return pk, err == nil, err
}

// decodeBase64 takes the standard alphabet with or without padding.
func decodeBase64(dst, text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "=")
	dst, err := base64.RawStdEncoding.AppendDecode(dst, text)
	if err != nil {
		return nil, fmt.Errorf("%w: base64: %w", ErrPacket, err)
	}
	return dst, nil
}

// queue holds what waits for a poll, as it came.
type queue struct {
	buf  []byte
	ends []mark
}

type mark struct {
	end    int
	binary bool
}

// add appends a packet made of parts; text has its type in the first of them.
func (q *queue) add(binary bool, prefix []byte, parts ...[]byte) {
	q.buf = append(q.buf, prefix...)
	for _, p := range parts {
		q.buf = append(q.buf, p...)
	}
	q.ends = append(q.ends, mark{len(q.buf), binary})
}

func (q *queue) empty() bool { return len(q.ends) == 0 }

// each calls f for every packet.
func (q *queue) each(f func(binary bool, data []byte)) {
	start := 0
	for _, m := range q.ends {
		f(m.binary, q.buf[start:m.end])
		start = m.end
	}
}

// payload encodes everything and empties the queue.
func (q *queue) payload() []byte {
	size := len(q.ends)
	q.each(func(binary bool, data []byte) {
		if binary {
			size += 1 + base64.StdEncoding.EncodedLen(len(data))
		} else {
			size += len(data)
		}
	})
	out := make([]byte, 0, size+2)
	q.each(func(binary bool, data []byte) {
		if len(out) > 0 {
			out = append(out, separator)
		}
		if binary {
			out = append(out, typeBinary)
			out = base64.StdEncoding.AppendEncode(out, data)
		} else {
			out = append(out, data...)
		}
	})
	*q = queue{}
	return out
}

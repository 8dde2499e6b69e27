package wsconn

import (
	"encoding/binary"
	"sync"
)

// First byte of a frame, RFC 6455 §5.2; all frames of a server are whole
// messages.
const (
	finText    = 0x81
	finBinary  = 0x82
	finClose   = 0x88
	finPing    = 0x89
	finPong    = 0x8a
	rsvDeflate = 0x40 // RFC 7692 §6

	maxHeader  = 10
	maxControl = 125 // payload of a control frame
)

func opcode(bin bool) byte {
	if bin {
		return finBinary
	}
	return finText
}

// appendHeader appends the header of an unmasked frame with n bytes of payload.
func appendHeader(dst []byte, first byte, n int) []byte {
	switch {
	case n <= 125:
		return append(dst, first, byte(n))
	case n <= 0xffff:
		return append(dst, first, 126, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
}

// appendClose appends a close frame; 1005 is one without a code.
func appendClose(dst []byte, code int, reason string) []byte {
	if code == noStatus {
		return append(dst, finClose, 0)
	}
	reason = clip(reason)
	dst = append(dst, finClose, byte(2+len(reason)), byte(code>>8), byte(code))
	return append(dst, reason...)
}

// clip cuts a reason at what fits into a close frame, between characters.
func clip(s string) string {
	if len(s) <= maxControl-2 {
		return s
	}
	n := maxControl - 2
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// Frame is a message encoded once for many receivers. It is immutable.
type Frame struct {
	first byte
	plain []byte // header and payload
	head  int    // length of the header

	once     sync.Once
	deflated []byte // the same for those who agreed on permessage-deflate
}

// NewFrame encodes a message made of parts, which are copied.
func NewFrame(bin bool, parts ...[]byte) *Frame {
	n := size(parts)
	f := &Frame{first: opcode(bin), plain: make([]byte, 0, maxHeader+n)}
	f.plain = appendHeader(f.plain, f.first, n)
	f.head = len(f.plain)
	for _, p := range parts {
		f.plain = append(f.plain, p...)
	}
	return f
}

// Payload is the message; it must not be changed.
func (f *Frame) Payload() []byte { return f.plain[f.head:] }

// compressed encodes the frame for permessage-deflate, once.
func (f *Frame) compressed() []byte {
	f.once.Do(func() {
		f.deflated = f.plain
		if len(f.plain)-f.head >= minDeflate {
			f.deflated = appendDeflated(make([]byte, 0, len(f.plain)/2), f.first, f.plain[f.head:])
		}
	})
	return f.deflated
}

func size(parts [][]byte) int {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	return n
}

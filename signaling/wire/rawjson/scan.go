package rawjson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The scanners below take the text and the index to begin at and return the
// index after what they scanned, or bad. They never look back.

const bad = -1

// space skips white space (RFC 8259 §2).
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value scans one value, white space before it included, whose arrays and
// objects are nested at most limit deep. It does not recurse: what is open is
// kept as one bit per level, set for an object.
func value(b []byte, i, limit int) int {
	var open [MaxDepth / 64]uint64
	depth := 0
	for {
		i = space(b, i)
		if i >= len(b) {
			return bad
		}
		switch b[i] {
		case '"':
			i = text(b, i+1)
		case '{':
			if depth >= limit {
				return bad
			}
			if i = space(b, i+1); i < len(b) && b[i] == '}' {
				i++
				break
			}
			open[depth>>6] |= 1 << (depth & 63)
			depth++
			if i = member(b, i); i == bad {
				return bad
			}
			continue
		case '[':
			if depth >= limit {
				return bad
			}
			if i = space(b, i+1); i < len(b) && b[i] == ']' {
				i++
				break
			}
			open[depth>>6] &^= 1 << (depth & 63)
			depth++
			continue
		case 't':
			i = word(b, i, "true")
		case 'f':
			i = word(b, i, "false")
		case 'n':
			i = word(b, i, "null")
		default:
			i = number(b, i)
		}
		if i == bad {
			return bad
		}
		for more := false; !more; {
			if depth == 0 {
				return i
			}
			if i = space(b, i); i >= len(b) {
				return bad
			}
			object := open[(depth-1)>>6]&(1<<((depth-1)&63)) != 0
			switch {
			case b[i] == ',' && object:
				if i = member(b, space(b, i+1)); i == bad {
					return bad
				}
				more = true
			case b[i] == ',':
				i++
				more = true
			case b[i] == '}' && object, b[i] == ']' && !object:
				i++
				depth--
			default:
				return bad
			}
		}
	}
}

// member scans the name of a member and the colon.
func member(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return bad
	}
	if i = text(b, i+1); i == bad {
		return bad
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return bad
	}
	return i + 1
}

func word(b []byte, i int, w string) int {
	if len(b)-i < len(w) || string(b[i:i+len(w)]) != w {
		return bad
	}
	return i + len(w)
}

// number scans a number (RFC 8259 §6).
func number(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digits(b, i); i == bad {
		return bad
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(b, i+1); i == bad {
			return bad
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digits(b, i)
	}
	return i
}

// digits scans at least one digit.
func digits(b []byte, i int) int {
	from := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == from {
		return bad
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// special has the high bit set in the first byte of x, counted from the lowest,
// that is a quote, a backslash, a control character or not ASCII. Bytes above
// it may be marked wrongly; zero means there is none.
func special(x uint64) uint64 {
	return (x | (x - 0x20*ones) | ((x ^ '"'*ones) - ones) | ((x ^ '\\'*ones) - ones)) & highs
}

// plain skips bytes that need no attention inside a string, eight at a time.
func plain(b []byte, i int) int {
	for len(b)-i >= 16 {
		v := b[i : i+16]
		if m := special(binary.LittleEndian.Uint64(v)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		if m := special(binary.LittleEndian.Uint64(v[8:])); m != 0 {
			return i + 8 + bits.TrailingZeros64(m)>>3
		}
		i += 16
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// text scans a string after its opening quote, the closing quote included.
func text(b []byte, i int) int {
	for {
		if i = plain(b, i); i >= len(b) {
			return bad
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			for i < len(b) && b[i] == '\\' { // they come in pairs: \r\n
				if i = escape(b, i+1); i == bad {
					return bad
				}
			}
		case c < 0x20:
			return bad
		default: // a run of other alphabets stays in here
			for i < len(b) && b[i] >= utf8.RuneSelf {
				_, n := utf8.DecodeRune(b[i:])
				if n == 1 {
					return bad
				}
				i += n
			}
		}
	}
}

// escape scans what follows a backslash.
func escape(b []byte, i int) int {
	if i >= len(b) {
		return bad
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if len(b)-i < 5 || hex4(b[i+1:]) < 0 {
			return bad
		}
		return i + 5
	}
	return bad
}

// hex4 decodes four hexadecimal digits, -1 if they are none.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

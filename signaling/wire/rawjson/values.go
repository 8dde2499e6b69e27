package rawjson

import (
	"bytes"
	"math"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is what a raw value is, by its first byte.
type Kind uint8

// The kinds of JSON values.
const (
	Invalid Kind = iota // empty, or not the beginning of a value
	Null
	Boolean
	Number
	Text
	List
	Record
)

// KindOf looks at the first byte of a raw value that is known to be valid.
func KindOf(raw []byte) Kind {
	i := space(raw, 0)
	if i >= len(raw) {
		return Invalid
	}
	switch c := raw[i]; {
	case c == '"':
		return Text
	case c == '{':
		return Record
	case c == '[':
		return List
	case c == 't' || c == 'f':
		return Boolean
	case c == 'n':
		return Null
	case c == '-' || c-'0' <= 9:
		return Number
	}
	return Invalid
}

// String decodes a raw JSON string; ok is false if raw is not one. Lone
// surrogates become U+FFFD as in encoding/json. Allocates the result, and once
// more if there are escapes in a string over 256 bytes.
func String(raw []byte) (s string, ok bool) {
	var buf [256]byte
	b, ok := StringBytes(buf[:0], raw)
	return string(b), ok
}

// StringBytes is String without the string: the bytes between the quotes if
// there are no escapes in them (no copy: a sub-slice of raw), else the decoded
// bytes appended to dst[:0].
func StringBytes(dst, raw []byte) (b []byte, ok bool) {
	raw = trim(raw)
	if len(raw) < 2 || raw[0] != '"' || text(raw, 1) != len(raw) {
		return nil, false
	}
	return unescaped(dst[:0], raw[1:len(raw)-1:len(raw)-1]), true
}

// Int64 decodes a raw number without fraction or exponent that fits.
func Int64(raw []byte) (n int64, ok bool) {
	raw = trim(raw)
	negative := len(raw) > 0 && raw[0] == '-'
	if negative {
		raw = raw[1:]
	}
	if len(raw) == 0 || len(raw) > 19 || (raw[0] == '0' && len(raw) > 1) {
		return 0, false
	}
	var u uint64
	for _, c := range raw {
		if c-'0' > 9 {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	switch {
	case negative && u <= math.MaxInt64+1:
		return -int64(u), true
	case !negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}

// Bool decodes true or false.
func Bool(raw []byte) (v, ok bool) {
	switch string(trim(raw)) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// IsNull reports whether raw is null, or empty (an absent value).
func IsNull(raw []byte) bool {
	raw = trim(raw)
	return len(raw) == 0 || string(raw) == "null"
}

func trim(raw []byte) []byte {
	raw = raw[space(raw, 0):]
	for len(raw) > 0 && space(raw, len(raw)-1) == len(raw) {
		raw = raw[:len(raw)-1]
	}
	return raw
}

// unescaped decodes the inside of a valid string: s itself if there is nothing
// to decode, else appended to dst.
func unescaped(dst, s []byte) []byte {
	i := bytes.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	for ; i >= 0; i = bytes.IndexByte(s, '\\') {
		dst = append(dst, s[:i]...)
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					r = utf16.DecodeRune(r, hex4(s[2:]))
				} else {
					r = utf8.RuneError
				}
				if r != utf8.RuneError {
					s = s[6:] // a lone one leaves the next escape alone
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // quote, backslash, slash
			dst = append(dst, c)
		}
	}
	return append(dst, s...)
}

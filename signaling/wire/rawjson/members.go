package rawjson

import "bytes"

// Members is Object for a text that is known to be valid JSON, because it is
// part of one that was validated: it only finds the borders, at several times
// the speed. With anything else it may miss errors and report parts that are no
// values, but it never panics.
func Members(b []byte, f func(key, value []byte) bool) error {
	i := space(b, 0)
	switch {
	case i >= len(b):
		return ErrSyntax
	case b[i] != '{':
		return ErrType
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return nil
	}
	for i < len(b) && b[i] == '"' {
		start := i
		if i = skipText(b, i+1); i == bad {
			break
		}
		key := b[start+1 : i-1 : i-1]
		if bytes.IndexByte(key, '\\') >= 0 && text(b, start+1) == bad {
			break // unescaped wants to be sure
		}
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			break
		}
		start = space(b, i+1)
		if i = skipValue(b, start); i == bad {
			break
		}
		if !f(unescaped(nil, key), b[start:i:i]) {
			return ErrStopped
		}
		if i = space(b, i); i >= len(b) {
			break
		}
		if b[i] == '}' {
			return nil
		}
		i = space(b, i+1)
	}
	return ErrSyntax
}

// skipText returns the place after the quote that ends the string which began
// before i.
func skipText(b []byte, i int) int {
	for i < len(b) {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return bad
		}
		end := i + j
		slashes := 0
		for k := end - 1; k >= i && b[k] == '\\'; k-- {
			slashes++
		}
		if i = end + 1; slashes%2 == 0 {
			return i
		}
	}
	return bad
}

// skipValue returns the place after the value at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for start := i; i < len(b); {
		switch b[i] {
		case '"':
			if i = skipText(b, i+1); i == bad {
				return bad
			}
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the end of what the value is in
				return atLeast(i, start)
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return atLeast(i, start)
			}
		}
		i++
	}
	return bad
}

// atLeast returns i if something lies between it and start.
func atLeast(i, start int) int {
	if i == start {
		return bad
	}
	return i
}

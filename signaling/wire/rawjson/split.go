package rawjson

import "fmt"

// Valid reports whether b is exactly one valid JSON value (RFC 8259), valid
// UTF-8, nesting <= MaxDepth. White space around the value is allowed.
func Valid(b []byte) bool {
	i := value(b, 0, MaxDepth)
	return i != bad && space(b, i) == len(b)
}

// Array splits a JSON array into its raw elements, appended to dst (sub-slices
// of b, without white space around them). It validates all of b. On an error
// dst is returned as it was. Errors: ErrSyntax, ErrType.
func Array(dst [][]byte, b []byte) ([][]byte, error) {
	dst, _, err := Elements(dst, b)
	return dst, err
}

// Elements is Array which also returns the bytes between the brackets, without
// white space around them, so that they can be forwarded as they are (empty for
// an empty array).
func Elements(dst [][]byte, b []byte) (elems [][]byte, inner []byte, err error) {
	i := space(b, 0)
	if i >= len(b) {
		return dst, nil, ErrSyntax
	}
	if b[i] != '[' {
		return dst, nil, ErrType
	}
	elems = dst
	i = space(b, i+1)
	from, to := i, i
	if i < len(b) && b[i] == ']' {
		i++
	} else {
		for {
			i = space(b, i)
			start := i
			if i = value(b, i, MaxDepth-1); i == bad {
				return dst, nil, fmt.Errorf("%w: element %d of an array", ErrSyntax, len(elems)-len(dst))
			}
			to = i
			elems = append(elems, b[start:i:i])
			if i = space(b, i); i >= len(b) {
				return dst, nil, ErrSyntax
			}
			i++
			if b[i-1] == ']' {
				break
			}
			if b[i-1] != ',' {
				return dst, nil, ErrSyntax
			}
		}
	}
	if space(b, i) != len(b) {
		return dst, nil, ErrSyntax
	}
	return elems, b[from:to:to], nil
}

// Object calls f for each member of a JSON object, in order. The key is without
// quotes and unescaped (a copy only if it had escapes), value is raw; both are
// valid when f sees them, what follows may still turn out not to be. A key that
// occurs twice is reported twice: let the last win. f returning false ends it
// with ErrStopped. Errors: ErrSyntax, ErrType, ErrStopped.
func Object(b []byte, f func(key, value []byte) bool) error {
	i := space(b, 0)
	if i >= len(b) {
		return ErrSyntax
	}
	if b[i] != '{' {
		return ErrType
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		i++
	} else {
		for {
			i = space(b, i)
			if i >= len(b) || b[i] != '"' {
				return ErrSyntax
			}
			start := i
			if i = text(b, i+1); i == bad {
				return ErrSyntax
			}
			key := b[start+1 : i-1 : i-1]
			if i = space(b, i); i >= len(b) || b[i] != ':' {
				return ErrSyntax
			}
			i = space(b, i+1)
			start = i
			if i = value(b, i, MaxDepth-1); i == bad {
				return ErrSyntax
			}
			if !f(unescaped(nil, key), b[start:i:i]) {
				return ErrStopped
			}
			if i = space(b, i); i >= len(b) {
				return ErrSyntax
			}
			i++
			if b[i-1] == '}' {
				break
			}
			if b[i-1] != ',' {
				return ErrSyntax
			}
		}
	}
	if space(b, i) != len(b) {
		return ErrSyntax
	}
	return nil
}

package redis

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var errReply = errors.New("redis: malformed reply")

// resp takes the reply of XREAD for one stream apart, of both protocol versions,
// without copying: go-redis makes a map and strings of every entry.
type resp struct{ b []byte }

// streams reads up to the entries of the one stream, and returns how many there
// are: none if nothing has arrived.
func (r *resp) streams() (entries int, err error) {
	kind, n, err := r.open()
	if err != nil || n <= 0 {
		return 0, err
	}
	switch {
	case n != 1:
		return 0, errReply
	case kind == '*': // of pairs, else a map
		if k, n, err := r.open(); err != nil || k != '*' || n != 2 {
			return 0, errReply
		}
	}
	if _, err := r.bulk(); err != nil {
		return 0, err
	}
	if kind, n, err = r.open(); err != nil || kind != '*' {
		return 0, errReply
	}
	return max(n, 0), nil
}

// entry reads one entry. Its value is that of the field "b", nil if there is
// none.
func (r *resp) entry() (id, value []byte, err error) {
	if kind, n, err := r.open(); err != nil || kind != '*' || n != 2 {
		return nil, nil, errReply
	}
	if id, err = r.bulk(); err != nil {
		return nil, nil, err
	}
	kind, n, err := r.open()
	if err != nil || kind != '*' && kind != '_' {
		return nil, nil, errReply
	}
	for ; n > 0; n -= 2 {
		field, err := r.bulk()
		if err != nil {
			return nil, nil, err
		}
		v, err := r.bulk()
		if err != nil {
			return nil, nil, err
		}
		if len(field) == 1 && field[0] == 'b' {
			value = v
		}
	}
	return id, value, nil
}

// open reads the beginning of an array, map or nil. An error reply is an error.
func (r *resp) open() (kind byte, n int, err error) {
	line, err := r.line()
	if err != nil {
		return 0, 0, err
	}
	switch kind = line[0]; kind {
	case '-':
		return 0, 0, fmt.Errorf("redis: %s", line[1:])
	case '_':
		return kind, 0, nil
	case '*', '%', '$':
		n, err = strconv.Atoi(string(line[1:]))
		if err != nil || n > len(r.b) { // each element takes some bytes
			return 0, 0, errReply
		}
		return kind, n, nil
	}
	return 0, 0, errReply
}

func (r *resp) bulk() ([]byte, error) {
	kind, n, err := r.open()
	if err != nil {
		return nil, err
	}
	if kind != '$' || n < 0 || n+2 > len(r.b) {
		return nil, errReply
	}
	v := r.b[:n:n]
	r.b = r.b[n+2:]
	return v, nil
}

func (r *resp) line() ([]byte, error) {
	i := bytes.IndexByte(r.b, '\n')
	if i < 2 || r.b[i-1] != '\r' {
		return nil, errReply
	}
	line := r.b[:i-1]
	r.b = r.b[i+1:]
	return line, nil
}

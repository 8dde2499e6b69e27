package emitter

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// maxDepth bounds how deep values may stand in each other: what clients may send.
const maxDepth = rawjson.MaxDepth

var errDeep = errors.New("values stand too deep in each other")

// writer turns MessagePack values into JSON, as JSON.stringify would have written
// them where they came from. Lengths that a message claims cost nothing: a value
// takes no memory before its bytes are there.
type writer struct {
	dst    []byte
	binary int
	// mark writes binary values as Socket.IO's placeholders and puts them
	// into parts; else they become base64 texts.
	mark  bool
	parts [][]byte
}

// values writes the n-1 values behind the first, comma separated; n counts it.
func (w *writer) values(b []byte, n uint32, depth int) ([]byte, error) {
	var err error
	for i := uint32(1); i < n; i++ {
		if i > 1 {
			w.dst = append(w.dst, ',')
		}
		if b, err = w.value(b, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (w *writer) value(b []byte, depth int) (rest []byte, err error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	switch t := msgp.NextType(b); t {
	case msgp.NilType:
		w.dst = append(w.dst, "null"...)
		return b[1:], nil
	case msgp.BoolType:
		var v bool
		v, rest, err = msgp.ReadBoolBytes(b)
		w.dst = strconv.AppendBool(w.dst, v)
	case msgp.IntType:
		var v int64
		v, rest, err = msgp.ReadInt64Bytes(b)
		w.dst = strconv.AppendInt(w.dst, v, 10)
	case msgp.UintType:
		var v uint64
		v, rest, err = msgp.ReadUint64Bytes(b)
		w.dst = strconv.AppendUint(w.dst, v, 10)
	case msgp.Float32Type:
		var v float32
		v, rest, err = msgp.ReadFloat32Bytes(b)
		w.float(float64(v), 32)
	case msgp.Float64Type:
		var v float64
		v, rest, err = msgp.ReadFloat64Bytes(b)
		w.float(v, 64)
	case msgp.StrType:
		var v []byte
		v, rest, err = msgp.ReadStringZC(b)
		w.dst = rawjson.AppendString(w.dst, string(v))
	case msgp.BinType:
		var v []byte
		v, rest, err = msgp.ReadBytesZC(b)
		w.bytes(v)
	case msgp.TimeType:
		var v time.Time
		v, rest, err = msgp.ReadTimeBytes(b)
		w.time(v)
	case msgp.ArrayType:
		var n uint32
		if n, rest, err = msgp.ReadArrayHeaderBytes(b); err != nil {
			return nil, err
		}
		return w.array(rest, n, depth)
	case msgp.MapType:
		return w.object(b, depth)
	default:
		// undefined, as notepack.io writes it: fixext 1, type 0, a zero
		if len(b) >= 3 && b[0] == 0xd4 && b[1] == 0 && b[2] == 0 {
			w.dst = append(w.dst, "null"...)
			return b[3:], nil
		}
		return nil, fmt.Errorf("a value of type %s, which JSON has none for", t)
	}
	return rest, err
}

func (w *writer) array(b []byte, n uint32, depth int) (rest []byte, err error) {
	w.dst = append(w.dst, '[')
	for i := range n {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		if b, err = w.value(b, depth+1); err != nil {
			return nil, err
		}
	}
	w.dst = append(w.dst, ']')
	return b, nil
}

func (w *writer) object(b []byte, depth int) ([]byte, error) {
	w.dst = append(w.dst, '{')
	first := true
	rest, err := members(b, func(key string, v []byte) ([]byte, error) {
		if !first {
			w.dst = append(w.dst, ',')
		}
		first = false
		w.dst = append(rawjson.AppendString(w.dst, key), ':')
		return w.value(v, depth+1)
	})
	w.dst = append(w.dst, '}')
	return rest, err
}

// float writes a number; those that JSON has not become null.
func (w *writer) float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.dst = append(w.dst, "null"...)
		return
	}
	w.dst = strconv.AppendFloat(w.dst, f, 'g', -1, bits)
}

func (w *writer) bytes(v []byte) {
	w.binary++
	if w.mark {
		w.dst = append(w.dst, `{"_placeholder":true,"num":`...)
		w.dst = append(strconv.AppendInt(w.dst, int64(len(w.parts)), 10), '}')
		w.parts = append(w.parts, v)
		return
	}
	w.dst = append(w.dst, '"')
	w.dst = append(base64.StdEncoding.AppendEncode(w.dst, v), '"')
}

// time writes a Date as its toJSON does.
func (w *writer) time(t time.Time) {
	w.dst = append(w.dst, '"')
	w.dst = append(t.UTC().AppendFormat(w.dst, "2006-01-02T15:04:05.000Z"), '"')
}

// members calls f for each entry of a map, with what begins at its value; f
// returns what stands behind it. Keys are texts or numbers.
func members(b []byte, f func(key string, v []byte) ([]byte, error)) ([]byte, error) {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return nil, err
	}
	for range n {
		var key string
		switch msgp.NextType(b) {
		case msgp.IntType, msgp.UintType:
			var i int64
			i, b, err = msgp.ReadInt64Bytes(b)
			key = strconv.FormatInt(i, 10)
		default:
			var s []byte
			s, b, err = msgp.ReadStringZC(b)
			key = string(s)
		}
		if err != nil {
			return nil, err
		}
		if b, err = f(key, b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// skip returns what stands behind a value that is not looked at.
func skip(b []byte, depth int) (rest []byte, err error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	switch msgp.NextType(b) {
	case msgp.ArrayType:
		n, b, err := msgp.ReadArrayHeaderBytes(b)
		for range n {
			if err != nil {
				return nil, err
			}
			b, err = skip(b, depth+1)
		}
		return b, err
	case msgp.MapType:
		return members(b, func(_ string, v []byte) ([]byte, error) { return skip(v, depth+1) })
	default:
		return msgp.Skip(b)
	}
}

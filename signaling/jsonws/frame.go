package jsonws

import (
	"strconv"

	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// A frame is one event from a client. Its slices are those of the message.
type frame struct {
	event []byte
	args  [][]byte
	id    int64
	hasID bool

	few [8][]byte // args of most frames
}

// parse reads {"event":…,"args":[…],"id":…}. Other members are ignored; no args
// is an empty list. It reports false for anything else.
func (f *frame) parse(data []byte) bool {
	f.event, f.args, f.id, f.hasID = nil, f.few[:0], 0, false
	ok := true
	err := rawjson.Object(data, func(k, v []byte) bool {
		switch string(k) {
		case "event":
			f.event, ok = rawjson.StringBytes(nil, v)
		case "args":
			var err error
			f.args, err = rawjson.Array(f.few[:0], v)
			ok = err == nil
		case "id":
			f.id, ok = rawjson.Int64(v)
			ok = ok && f.id >= 0
			f.hasID = ok
		}
		return ok
	})
	return err == nil && ok && len(f.event) > 0
}

// appendEvent writes an event frame; seq 0 leaves the number out.
func appendEvent(b []byte, ev *wire.Event, seq uint64) []byte {
	b = append(b, `{"event":"`...)
	b = append(b, ev.Name...)
	b = append(b, `","args":[`...)
	b = append(b, ev.Args...)
	b = append(b, ']')
	if seq > 0 {
		b = append(b, `,"seq":`...)
		b = strconv.AppendUint(b, seq, 10)
	}
	return append(b, '}')
}

func appendAck(b []byte, id int64, args []byte) []byte {
	b = append(b, `{"ack":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `,"args":[`...)
	b = append(b, args...)
	return append(b, `]}`...)
}

func appendFail(b []byte, id int64, p *wire.Problem) []byte {
	b = append(b, `{"ack":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `,"error":`...)
	b = wire.AppendProblem(b, p)
	return append(b, '}')
}

// appendErrorEvent writes the error event for something that had no ack.
func appendErrorEvent(b []byte, p *wire.Problem, event string) []byte {
	b = append(b, `{"event":"error","args":[{"code":`...)
	b = rawjson.AppendString(b, string(p.Code))
	b = append(b, `,"message":`...)
	b = rawjson.AppendString(b, p.Message)
	b = append(b, `,"event":`...)
	b = rawjson.AppendString(b, event)
	return append(b, `}]}`...)
}

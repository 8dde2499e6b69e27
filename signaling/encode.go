package signaling

import (
	"strconv"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// eventOf makes an event that must arrive.
func eventOf(name string, args []byte) *wire.Event {
	return &wire.Event{Name: name, Args: args}
}

// droppable makes an event that may be left out for a slow or absent client.
func droppable(name string, args []byte) *wire.Event {
	return &wire.Event{Name: name, Args: args, Lane: wire.Droppable}
}

// object writes a JSON object member by member.
type object struct {
	b     []byte
	comma bool
}

func newObject(b []byte) object { return object{b: append(b, '{')} }

func (o *object) key(k string) {
	if o.comma {
		o.b = append(o.b, ',')
	}
	o.comma = true
	o.b = append(o.b, '"')
	o.b = append(o.b, k...)
	o.b = append(o.b, '"', ':')
}

func (o *object) str(k, v string) {
	o.key(k)
	o.b = rawjson.AppendString(o.b, v)
}

func (o *object) raw(k string, v []byte) {
	o.key(k)
	if len(v) == 0 {
		o.b = append(o.b, "null"...)
		return
	}
	o.b = append(o.b, v...)
}

func (o *object) bool(k string, v bool) {
	o.key(k)
	o.b = strconv.AppendBool(o.b, v)
}

func (o *object) int(k string, v int64) {
	o.key(k)
	o.b = strconv.AppendInt(o.b, v, 10)
}

// time writes milliseconds since 1970, or null for a zero time.
func (o *object) time(k string, v time.Time) {
	if v.IsZero() {
		o.raw(k, nil)
		return
	}
	o.int(k, v.UnixMilli())
}

func (o *object) end() []byte { return append(o.b, '}') }

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendString(b, s)
	}
	return append(b, ']')
}

func appendState(b []byte, st presence.State) []byte {
	o := newObject(b)
	o.str("user", st.User)
	o.bool("online", st.Online)
	o.int("devices", int64(st.Devices))
	o.time("lastSeen", st.LastSeen)
	return o.end()
}

func appendExpiring(b []byte, left time.Duration) []byte {
	o := newObject(b)
	o.int("inMs", left.Milliseconds())
	return o.end()
}

package emitter

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/tinylib/msgp/msgp"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Errors of what was published.
var (
	ErrMessage  = errors.New("emitter: not a message of redis-emitter")
	ErrReserved = errors.New("emitter: the event has a name that Socket.IO keeps for itself")
	// ErrNamespace: for another namespace than the main one, which is the only
	// one there is.
	ErrNamespace = errors.New("emitter: another namespace")
)

// published is one event, and for whom.
type published struct {
	to    signaling.Audience
	event *wire.Event
}

// The types of Socket.IO packets (protocol 5) that carry an event.
const (
	packetEvent       = 2
	packetBinaryEvent = 5
)

// decode reads what the emitter publishes, in MessagePack: [uid, packet, options].
func decode(b []byte) (p published, err error) {
	defer func() {
		if err != nil && !errors.Is(err, ErrReserved) && !errors.Is(err, ErrNamespace) {
			err = fmt.Errorf("%w: %w", ErrMessage, err)
		}
	}()
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return p, err
	}
	if n != 3 {
		return p, fmt.Errorf("%d members in place of 3", n)
	}
	if b, err = skip(b, 0); err != nil { // who published it
		return p, err
	}
	var ev *wire.Event
	if ev, b, err = decodePacket(b); err != nil {
		return p, err
	}
	var volatile bool
	if p.to, volatile, b, err = decodeOptions(b); err != nil {
		return p, err
	}
	if len(b) > 0 {
		return p, fmt.Errorf("%d bytes too many", len(b))
	}
	if volatile {
		ev.Lane = wire.Droppable
	}
	p.event = ev
	return p, nil
}

// decodePacket reads {type, data, nsp} up to the next value.
func decodePacket(b []byte) (ev *wire.Event, rest []byte, err error) {
	kind, nsp, found := int64(packetEvent), "/", false
	rest, err = members(b, func(key string, v []byte) (after []byte, err error) {
		switch key {
		case "type":
			kind, after, err = msgp.ReadInt64Bytes(v)
		case "nsp":
			var s []byte
			s, after, err = msgp.ReadStringZC(v)
			nsp = string(s)
		case "data":
			found = true
			ev, after, err = decodeEvent(v)
		default:
			after, err = skip(v, 0)
		}
		return after, err
	})
	switch {
	case err != nil:
	case nsp != "/":
		err = ErrNamespace
	case !found || kind != packetEvent && kind != packetBinaryEvent:
		err = errors.New("no event")
	}
	return ev, rest, err
}

// decodeEvent reads [name, arguments…].
func decodeEvent(b []byte) (*wire.Event, []byte, error) {
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return nil, nil, errors.New("an event without a name")
	}
	s, b, err := msgp.ReadStringZC(b)
	if err != nil {
		return nil, nil, err
	}
	name := string(s)
	if !wire.ValidEventName(name) {
		return nil, nil, errors.New("the event's name is not one of 1 to 128 bytes")
	}
	if wire.ReservedEvent(name) {
		return nil, nil, ErrReserved
	}
	ev := &wire.Event{Name: name, Shared: true}
	text := writer{dst: make([]byte, 0, len(b)+len(b)/8)}
	rest, err := text.values(b, n, 0)
	if err != nil {
		return nil, nil, err
	}
	ev.Args = text.dst
	if text.binary > 0 {
		marked := writer{mark: true}
		if _, err = marked.values(b, n, 0); err != nil {
			return nil, nil, err
		}
		ev.Binary = &wire.Binary{Args: marked.dst, Attachments: marked.parts}
	}
	return ev, rest, nil
}

// decodeOptions reads {rooms, except, flags}.
func decodeOptions(b []byte) (to signaling.Audience, volatile bool, rest []byte, err error) {
	if msgp.IsNil(b) {
		return to, false, b[1:], nil
	}
	rest, err = members(b, func(key string, v []byte) (after []byte, err error) {
		switch key {
		case "rooms":
			to.Rooms, after, err = decodeRooms(v)
		case "except":
			to.Except, after, err = decodeRooms(v)
		case "flags":
			volatile, after, err = decodeFlags(v)
		default:
			after, err = skip(v, 0)
		}
		return after, err
	})
	return to, volatile, rest, err
}

func decodeFlags(b []byte) (volatile bool, rest []byte, err error) {
	if msgp.IsNil(b) {
		return false, b[1:], nil
	}
	rest, err = members(b, func(key string, v []byte) ([]byte, error) {
		if key == "volatile" {
			volatile = len(v) > 0 && v[0] == 0xc3 // true
		}
		return skip(v, 0)
	})
	return volatile, rest, err
}

// decodeRooms reads an array of names: texts, or numbers, as back ends have them
// whose user ids are numbers.
func decodeRooms(b []byte) (rooms []string, rest []byte, err error) {
	if msgp.IsNil(b) {
		return nil, b[1:], nil
	}
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return nil, nil, err
	}
	for range n {
		var room string
		switch msgp.NextType(b) {
		case msgp.StrType:
			var s []byte
			s, b, err = msgp.ReadStringZC(b)
			room = string(s)
		default:
			var i int64
			i, b, err = msgp.ReadInt64Bytes(b)
			room = strconv.FormatInt(i, 10)
		}
		if err != nil {
			return nil, nil, err
		}
		rooms = append(rooms, room)
	}
	return rooms, b, nil
}

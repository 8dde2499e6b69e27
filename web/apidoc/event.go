package apidoc

import (
	"reflect"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Side is who an event is for.
type Side uint8

// The two sides.
const (
	Server Side = iota
	Client
)

// Arg is one argument of an event, or of an acknowledgement.
type Arg struct {
	Name     string
	Type     reflect.Type
	Optional bool
}

// Event is one event of the socket, in one direction.
type Event struct {
	Name string
	To   Side
	Tag  string
	// Extended events are for clients that ask for them (/ws, or auth.tandem).
	Extended bool
	// Plain events are of /ws alone.
	Plain bool
	// Stored events need a server that keeps messages.
	Stored  bool
	Summary string
	Args    []Arg
	// Base are the arguments for base devices, where they are others.
	Base []Arg
	Ack  *Arg // nil: there is none
	// Codes are what may be wrong, beyond what any event may be answered.
	Codes []wire.Code
	// Example, to the server: what to send. SDK is how the SDK does the same, if
	// it has a word for it.
	Example Try
	SDK     string
	// Shown, to the client: its arguments as JSON.
	Shown string
	// Cause, to the client, is the event whose example brings it about, and At who
	// gets it then: "me" or "peer". "" where the example would have to end the
	// server, or to wait.
	Cause, At string
}

// Events are all events of the socket, in the order of PROTOCOL.md.
func Events() []Event {
	return slices.Concat(baseCalls(), baseMessages(), extendedCalls(), messages(), sessions())
}

// anyEvent is what every event may be answered.
var anyEvent = []wire.Code{wire.CodeBadPayload, wire.CodeTooLarge, wire.CodeRateLimited, wire.CodeUnavailable, wire.CodeInternal}

func (e *Event) codes() []wire.Code {
	list := slices.Concat(e.Codes, anyEvent)
	if e.Stored {
		list = append(list, wire.CodeNotConfigured)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func arg[T any](name string) Arg { return Arg{Name: name, Type: reflect.TypeFor[T]()} }

func optional[T any](name string) Arg {
	return Arg{Name: name, Type: reflect.TypeFor[T](), Optional: true}
}

func ack[T any]() *Arg { return &Arg{Name: "reply", Type: reflect.TypeFor[T]()} }

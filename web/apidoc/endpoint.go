package apidoc

import (
	"reflect"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Access says who may ask for a route.
type Access uint8

// Who may ask.
const (
	Anybody Access = iota
	AUser          // with a token, as bearer or cookie
	AServer        // with a server key
)

// Endpoint is one REST route.
type Endpoint struct {
	Method, Path string
	Tag          string
	ID           string // operationId
	Summary      string
	Description  string
	Access       Access
	Params       []Param
	Body         reflect.Type // nil: none
	Required     []string     // members of Body
	Status       int          // of success
	Answer       reflect.Type // of success
	// Plain, if not nil, is another form of the answer, by description.
	Plain reflect.Type
	// Codes are what may be wrong, beyond what each route has by its Access.
	Codes   []wire.Code
	Example Try
}

// Param is one parameter of a path or query.
type Param struct {
	Name, In, About string
	Type            reflect.Type
}

// Try is an example that runs. Texts have ${me}, ${peer}, ${messageId}, ${callId}
// and the like in place of what differs; Values has what the documents show for
// them.
type Try struct {
	Before string // what has to be there, a key of Preparations
	After  string // of a REST route: the ID of one whose example goes first
	Query  string // of a REST route, without the question mark
	Body   string // JSON
}

// Step is an event that one of two clients sends to prepare an example, and what
// of its acknowledgement is kept under which name.
type Step struct {
	As, Event, Payload string
	Keep, From         string // From is a path into the acknowledgement: message._id
}

// Preparations are what examples need.
var Preparations = map[string][]Step{
	"ownMessage": {
		{As: "me", Event: wire.MessageSend, Payload: `{"to":"${peer}","text":"Shall we talk?"}`, Keep: "messageId", From: "message._id"},
	},
	"message": {
		{As: "peer", Event: wire.MessageSend, Payload: `{"to":"${me}","text":"Are you there?"}`, Keep: "messageId", From: "message._id"},
	},
	"calling": {
		{As: "me", Event: wire.CallUser, Payload: `{"to":"${peer}","signal":{"type":"offer","sdp":"v=0"},"callerName":"Alice"}`, Keep: "callId", From: "callId"},
	},
	"ringing": {
		{As: "peer", Event: wire.CallUser, Payload: `{"to":"${me}","signal":{"type":"offer","sdp":"v=0"},"callerName":"Bob"}`, Keep: "callId", From: "callId"},
	},
	"typing": {
		{As: "me", Event: wire.Typing, Payload: `{"receiverId":"${peer}"}`},
	},
	"answered": {
		{As: "me", Event: wire.CallUser, Payload: `{"to":"${peer}","signal":{"type":"offer","sdp":"v=0"},"callerName":"Alice"}`, Keep: "callId", From: "callId"},
		{As: "peer", Event: wire.CallAnswer, Payload: `{"to":"${me}","callId":"${callId}","signal":{"type":"answer","sdp":"v=0"}}`},
	},
}

// Values stand in the documents for what differs.
var Values = [][2]string{
	{"server", "https://calls.example.com"},
	{"token", "<JWT>"},
	{"key", "<server key>"},
	{"me", "alice"},
	{"peer", "bob"},
	{"third", "carol"},
	{"messageId", "6655f0c2a91e4b7d3c5e8f01"},
	{"callId", "c1f0mJ3Wb2oQ7sT9xYz4Aq"},
}

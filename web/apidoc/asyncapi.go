package apidoc

import (
	"encoding/json"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

const socketAbout = "One set of events in two dialects: Socket.IO 4 on `/socket.io/`, and JSON frames on `/ws` " +
	"(`{\"event\":\"…\",\"args\":[…],\"id\":7}`, answered by `{\"ack\":7,\"args\":[…]}` or `{\"ack\":7,\"error\":{\"code\":\"…\",\"message\":\"…\"}}`). " +
	"The payload of a message is the array of its arguments. Events with the tag `extended` are for clients on `/ws` and Socket.IO clients " +
	"that connect with `auth: { tandem: 1 }`."

// asyncAPI describes the server: it receives what clients send.
func (s *schemas) asyncAPI(events []Event) *Object {
	messages, operations, inChannel := obj(), obj(), obj()
	add := func(key string, m *Object) *Object {
		messages.set(key, m)
		inChannel.set(key, obj("$ref", "#/components/messages/"+key))
		return obj("$ref", "#/channels/events/messages/"+key)
	}
	for i := range events {
		e := &events[i]
		key, action := operationKey(e), "receive"
		if e.To == Client {
			action = "send"
		}
		op := obj("action", action, "channel", obj("$ref", "#/channels/events"), "summary", e.Summary, "tags", e.tags(),
			"messages", []*Object{add(key, s.message(e))})
		if e.Ack != nil {
			op.set("reply", obj("channel", obj("$ref", "#/channels/events"), "messages", []*Object{add(key+".ack", s.acknowledgement(e))}))
		}
		if e.To == Server {
			op.set("x-codes", e.codes())
		}
		operations.set(key, op.set("x-tandem-try", e.try()))
	}
	return obj(
		"asyncapi", "3.0.0",
		"info", obj("title", "Tandem events", "version", "1", "description", socketAbout, "license", obj("name", "MIT")),
		"defaultContentType", "application/json",
		"servers", obj(
			"socketio", obj("host", "calls.example.com", "pathname", "/socket.io/", "protocol", "wss", "title", "Socket.IO 4",
				"security", []*Object{obj("$ref", "#/components/securitySchemes/token")}),
			"websocket", obj("host", "calls.example.com", "pathname", "/ws", "protocol", "wss", "title", "Plain JSON, subprotocol tandem.v1",
				"security", []*Object{obj("$ref", "#/components/securitySchemes/token")}),
		),
		"channels", obj("events", obj("address", nil, "description", "Every event, in both dialects.", "messages", inChannel)),
		"operations", operations,
		"components", obj(
			"messages", messages,
			"schemas", s.components,
			"securitySchemes", obj("token", obj("type", "http", "scheme", "bearer", "bearerFormat", "JWT",
				"description", "In `auth.token`, `Authorization: Bearer`, the cookie `jwt`, or `?token=` on /ws.")),
		),
		"x-codes", codeTable(),
		"x-close-codes", closeTable(),
		"x-tandem", tandemExtension(),
	)
}

// operationKey is unique: some names go both ways.
func operationKey(e *Event) string {
	if e.To == Client {
		return "on." + e.Name
	}
	return e.Name
}

func (e *Event) tags() []*Object {
	tags := []*Object{obj("name", e.Tag)}
	switch {
	case e.Plain:
		tags = append(tags, obj("name", "ws only"))
	case e.Extended:
		tags = append(tags, obj("name", "extended"))
	}
	if e.Stored {
		tags = append(tags, obj("name", "stored messages"))
	}
	return tags
}

func (s *schemas) message(e *Event) *Object {
	payload := s.arguments(e.Args)
	if e.Base != nil {
		payload = obj("anyOf", []*Object{payload, s.arguments(e.Base).set("description", "To base devices.")})
	}
	m := obj("name", e.Name, "summary", e.Summary, "payload", payload)
	if example := e.example(); example != "" {
		m.set("examples", []*Object{obj("name", "example", "payload", json.RawMessage(Fill(example)))})
	}
	return m
}

// arguments is the array of them.
func (s *schemas) arguments(args []Arg) *Object {
	items, least := []*Object{}, 0
	for _, a := range args {
		items = append(items, s.of(a.Type))
		if !a.Optional {
			least++
		}
	}
	o := obj("type", "array", "minItems", least)
	if len(items) > 0 {
		o.set("items", items)
	}
	return o
}

// example is the array of arguments, with ${…}.
func (e *Event) example() string {
	switch {
	case e.Shown != "":
		return e.Shown
	case e.Example.Body != "":
		return "[" + e.Example.Body + "]"
	}
	return ""
}

func (s *schemas) acknowledgement(e *Event) *Object {
	return obj("name", e.Name, "title", "acknowledgement of "+e.Name,
		"payload", obj("type", "array", "items", []*Object{s.of(e.Ack.Type)}))
}

func (e *Event) try() *Object {
	o := obj("to", map[Side]string{Server: "server", Client: "client"}[e.To], "ack", e.Ack != nil)
	if e.To == Server && e.Plain || e.To == Server && e.Example.Body == "" {
		return o
	}
	sio, sdk := e.samples()
	if !e.Plain {
		o.set("socketio", sio)
	}
	o.set("sdk", sdk)
	if e.Example.Body != "" {
		o.set("body", json.RawMessage(e.Example.Body))
	}
	o.text("before", e.Example.Before).text("cause", e.Cause).text("at", e.At)
	return o
}

// codeTable and closeTable are for the page.
func codeTable() []*Object {
	var list []*Object
	for _, c := range errorCodes() {
		list = append(list, obj("code", c, "status", wire.Code(c).HTTPStatus(), "message", wire.Code(c).Message()))
	}
	return list
}

func closeTable() []*Object {
	var list []*Object
	for _, c := range wire.CloseCodes() {
		list = append(list, obj("code", c.Code, "final", c.Final, "reason", c.Reason, "means", strings.TrimSpace(c.Means)))
	}
	return list
}

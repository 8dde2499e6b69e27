package web

import (
	"maps"
	"net/http"
	"reflect"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
	"github.com/tandem-rtc/tandem/web/apidoc"
)

// Documented describes every route to package apidoc: what a client reads under
// /docs. A test holds it against the routers.
func Documented() *apidoc.REST {
	list := onlineEndpoints()
	list = append(list, messageEndpoints()...)
	list = append(list, callEndpoints()...)
	list = append(list, blockEndpoints()...)
	list = append(list, pushEndpoints()...)
	list = append(list, serverEndpoints()...)
	list = append(list, healthEndpoints()...)
	fields := map[apidoc.Field]reflect.Type{
		{Type: reflect.TypeFor[conversation](), Name: "Last"}: reflect.TypeFor[shape.Message](),
	}
	maps.Copy(fields, hookFields)
	return &apidoc.REST{
		Endpoints: list,
		Webhooks:  documentedHooks(),
		Error:     reflect.TypeFor[errorBody](),
		Special: map[reflect.Type]*apidoc.Object{
			reflect.TypeFor[instant]():   apidoc.AnyOf("ISO 8601, or milliseconds since 1970.", apidoc.Text("date-time"), apidoc.Number()),
			reflect.TypeFor[oneOrMany](): apidoc.AnyOf("A user id, or up to 10,000 of them.", apidoc.Text(""), apidoc.Texts()),
		},
		Overrides: fields,
	}
}

func typed[T any]() reflect.Type { return reflect.TypeFor[T]() }

func query[T any](name, about string) apidoc.Param {
	return apidoc.Param{Name: name, In: "query", About: about, Type: typed[T]()}
}

func inPath(name, about string) apidoc.Param {
	return apidoc.Param{Name: name, In: "path", About: about, Type: typed[string]()}
}

// asked is what every route of messages and calls may answer.
func asked(more ...wire.Code) []wire.Code {
	return append(more, wire.CodeBadPayload, wire.CodeRateLimited, wire.CodeNotConfigured, wire.CodeUnavailable)
}

func onlineEndpoints() []apidoc.Endpoint {
	return []apidoc.Endpoint{{
		Method: http.MethodGet, Path: "/api/users/online", ID: "onlineUsers", Tag: "Presence", Access: apidoc.AUser,
		Summary:     "Who is online",
		Description: "Plain, one array of all user ids. With `page` or `limit`, a page with the cursor of the next one.",
		Params: []apidoc.Param{
			query[string]("page", "The `next` of the page before; empty for the first."),
			query[int]("limit", "Ids in a page: 500, at most 1000."),
		},
		Status: http.StatusOK, Answer: typed[onlineAnswer](), Plain: typed[[]string](),
		Codes:   []wire.Code{wire.CodeBadPayload, wire.CodeUnavailable},
		Example: apidoc.Try{Query: "limit=100"},
	}}
}

func messageEndpoints() []apidoc.Endpoint {
	list := []apidoc.Endpoint{
		{
			Method: http.MethodGet, Path: "/api/messages/{peer}", ID: "history",
			Summary: "The messages with somebody, oldest first", Description: "None yet is an empty array.",
			Params: []apidoc.Param{
				inPath("peer", "The other person."),
				query[int]("limit", "So many of the newest: 500 (`--history-limit`), at most 1000."),
				query[string]("before", "The id of a message: those that are older."),
			},
			Status: http.StatusOK, Answer: typed[[]shape.Message](), Codes: asked(wire.CodeNotFound),
			Example: apidoc.Try{Before: "message", Query: "limit=20"},
		},
		{
			Method: http.MethodPost, Path: "/api/messages/send/{peer}", ID: "sendMessage",
			Summary: "Send a message", Description: "Answered once it is stored. The same `clientId` again gives the same message.",
			Params: []apidoc.Param{inPath("peer", "The receiver.")},
			Body:   typed[sendBody](), Status: http.StatusCreated, Answer: typed[shape.Message](),
			Codes:   asked(wire.CodeForbidden, wire.CodeNotFound, wire.CodeBusy, wire.CodeOffline),
			Example: apidoc.Try{Body: `{"text":"Hello"}`},
		},
		{
			Method: http.MethodPost, Path: "/api/messages/react", ID: "react",
			Summary: "React to a message", Description: "The same emoji again takes the reaction back, another replaces it.",
			Body: typed[reactBody](), Required: []string{"messageId", "emoji"}, Status: http.StatusOK, Answer: typed[shape.Message](),
			Codes:   asked(wire.CodeForbidden, wire.CodeNotFound),
			Example: apidoc.Try{Before: "message", Body: `{"messageId":"${messageId}","emoji":"👍"}`},
		},
		{
			Method: http.MethodPatch, Path: "/api/messages/{messageId}", ID: "editMessage",
			Summary: "Give a message another text", Description: "Its author only.",
			Params: []apidoc.Param{inPath("messageId", "Which message.")},
			Body:   typed[editBody](), Required: []string{"text"}, Status: http.StatusOK, Answer: typed[shape.Message](),
			Codes:   asked(wire.CodeForbidden, wire.CodeNotFound),
			Example: apidoc.Try{Before: "ownMessage", Body: `{"text":"Shall we talk now?"}`},
		},
		{
			Method: http.MethodDelete, Path: "/api/messages/{messageId}", ID: "deleteMessage",
			Summary: "Delete a message", Description: "The author deletes it for both, either of the two with `forMe=1` for themselves.",
			Params: []apidoc.Param{inPath("messageId", "Which message."), query[bool]("forMe", "1: for the caller alone.")},
			Status: http.StatusOK, Answer: typed[deletedAnswer](), Codes: asked(wire.CodeForbidden, wire.CodeNotFound),
			Example: apidoc.Try{Before: "ownMessage"},
		},
		{
			Method: http.MethodGet, Path: "/api/conversations", ID: "conversations",
			Summary: "With whom there are messages, newest first",
			Params:  pages(),
			Status:  http.StatusOK, Answer: typed[conversationsAnswer](), Codes: asked(),
			Example: apidoc.Try{Before: "message", Query: "limit=20"},
		},
	}
	for i := range list {
		list[i].Tag, list[i].Access = "Messages", apidoc.AUser
	}
	return list
}

func pages() []apidoc.Param {
	return []apidoc.Param{
		query[int]("limit", "Entries of a page: 50, at most 1000."),
		query[string]("cursor", "The `next` of the page before."),
	}
}

func callEndpoints() []apidoc.Endpoint {
	return []apidoc.Endpoint{
		{
			Method: http.MethodGet, Path: "/api/calls", ID: "calls", Tag: "Calls", Access: apidoc.AUser,
			Summary: "Ended calls, those that ended last first", Description: "`missed` counts, on all pages, the calls that the caller missed and has not looked at.",
			Params: pages(), Status: http.StatusOK, Answer: typed[callsAnswer](), Codes: asked(),
			Example: apidoc.Try{Query: "limit=20"},
		},
		{
			Method: http.MethodPost, Path: "/api/calls/seen", ID: "seeCalls", Tag: "Calls", Access: apidoc.AUser,
			Summary: "Missed calls were looked at", Description: "Those that ended until then; now without a time.",
			Body: typed[seenBody](), Status: http.StatusOK, Answer: typed[seenAnswer](), Codes: asked(),
			Example: apidoc.Try{Body: `{}`},
		},
	}
}

func pushEndpoints() []apidoc.Endpoint {
	const key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4" // RFC 8291 §5
	list := []apidoc.Endpoint{
		{
			Method: http.MethodGet, Path: "/api/push/key", ID: "pushKey",
			Summary: "What a browser subscribes with", Description: "The `applicationServerKey` of `PushManager.subscribe`.",
			Status: http.StatusOK, Answer: typed[pushKeyAnswer](),
		},
		{
			Method: http.MethodPost, Path: "/api/push/subscriptions", ID: "subscribe",
			Summary:     "Register a browser for pushes",
			Description: "What `PushSubscription.toJSON()` gives, and `device`, a name of the browser that stays. In place of the same device of that user, and of the same endpoint of anybody.",
			Body:        typed[subscribeBody](), Required: []string{"endpoint", "keys"},
			Status: http.StatusCreated, Answer: typed[subscribedAnswer](),
			Example: apidoc.Try{Body: `{"endpoint":"https://fcm.googleapis.com/fcm/send/example","keys":{"p256dh":"` + key + `","auth":"BTBZMqHH6r4Tts7J_aSIgg"},"device":"example"}`},
		},
		{
			Method: http.MethodDelete, Path: "/api/push/subscriptions", ID: "unsubscribe",
			Summary: "Forget a browser", Description: "By its endpoint or its device.",
			Body: typed[unsubscribeBody](), Status: http.StatusOK, Answer: typed[struct{}](), Codes: []wire.Code{wire.CodeNotFound},
			Example: apidoc.Try{After: "subscribe", Body: `{"device":"example"}`},
		},
	}
	for i := range list {
		list[i].Tag, list[i].Access, list[i].Codes = "Pushes", apidoc.AUser, asked(list[i].Codes...)
	}
	return list
}

func blockEndpoints() []apidoc.Endpoint {
	list := []apidoc.Endpoint{
		{
			Method: http.MethodGet, Path: "/api/blocks", ID: "blocks", Summary: "Whom the caller has blocked, sorted",
			Status: http.StatusOK, Answer: typed[blocksAnswer](), Codes: asked(),
		},
		{
			Method: http.MethodPost, Path: "/api/blocks", ID: "block",
			Summary: "Block a user", Description: "Who is not told. May be asked for again.",
			Body: typed[blockBody](), Required: []string{"userId"}, Status: http.StatusOK, Answer: typed[blockedAnswer](), Codes: asked(),
			Example: apidoc.Try{Body: `{"userId":"${third}"}`},
		},
		{
			Method: http.MethodDelete, Path: "/api/blocks/{userId}", ID: "unblock",
			Summary: "Block a user no longer", Description: "May be asked for again.",
			Params: []apidoc.Param{inPath("userId", "Which user.")},
			Status: http.StatusOK, Answer: typed[blockedAnswer](), Codes: asked(),
		},
	}
	for i := range list {
		list[i].Tag, list[i].Access = "Blocks", apidoc.AUser
	}
	return list
}

func serverEndpoints() []apidoc.Endpoint {
	list := []apidoc.Endpoint{
		{
			Method: http.MethodPost, Path: "/api/server/emit", ID: "emit",
			Summary: "Send an event to users, or to all", Description: "To every connected device, on any node. The answer counts them.",
			Body: typed[emitBody](), Required: []string{"event"}, Status: http.StatusOK, Answer: typed[signaling.Reach](),
			Codes:   []wire.Code{wire.CodeUnavailable},
			Example: apidoc.Try{Body: `{"to":"${me}","event":"order:paid","args":[{"order":7}]}`},
		},
		{
			Method: http.MethodPost, Path: "/api/server/disconnect", ID: "disconnect",
			Summary: "End a user's sessions for good", Description: "All, or those of one device.",
			Body: typed[disconnectBody](), Required: []string{"user"}, Status: http.StatusOK, Answer: typed[signaling.Reach](),
			Codes:   []wire.Code{wire.CodeUnavailable},
			Example: apidoc.Try{Body: `{"user":"${third}"}`},
		},
		{
			Method: http.MethodGet, Path: "/api/server/users/{user}", ID: "userState",
			Summary: "Where a user is connected, and in which calls",
			Params:  []apidoc.Param{inPath("user", "The user.")},
			Status:  http.StatusOK, Answer: typed[signaling.UserState](), Codes: []wire.Code{wire.CodeBadPayload, wire.CodeUnavailable},
		},
		{
			Method: http.MethodPost, Path: "/api/server/calls/{callId}/end", ID: "endCall",
			Summary: "End a call as its caller would", Description: "The answer is the same if it has ended already.",
			Params: []apidoc.Param{inPath("callId", "Which call.")},
			Status: http.StatusOK, Answer: typed[shape.Nothing](), Codes: []wire.Code{wire.CodeNotFound, wire.CodeUnavailable},
			Example: apidoc.Try{Before: "answered"},
		},
	}
	for i := range list {
		list[i].Tag, list[i].Access = "For back ends", apidoc.AServer
	}
	return list
}

func healthEndpoints() []apidoc.Endpoint {
	return []apidoc.Endpoint{
		{
			Method: http.MethodGet, Path: "/healthz", ID: "alive", Tag: "Health", Summary: "Whether the process serves requests",
			Status: http.StatusOK, Answer: typed[healthAnswer](),
		},
		{
			Method: http.MethodGet, Path: "/readyz", ID: "ready", Tag: "Health", Summary: "Whether this node should get new clients",
			Description: "503 with the same body while it starts or drains.", Status: http.StatusOK, Answer: typed[healthAnswer](),
		},
	}
}

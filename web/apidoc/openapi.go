package apidoc

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// REST is what OpenAPI is made of.
type REST struct {
	Endpoints []Endpoint
	Webhooks  []Webhook
	// Error is the body of every error.
	Error reflect.Type
	// Special are schemas of types that read themselves.
	Special map[reflect.Type]*Object
	// Overrides are the types of fields that are raw JSON in Go.
	Overrides map[Field]reflect.Type
}

// AnyOf is a schema of several types, for REST.Special.
func AnyOf(about string, kinds ...*Object) *Object {
	return obj("description", about, "anyOf", kinds)
}

// Text is a string of a format, "" for any.
func Text(format string) *Object { return obj("type", "string").text("format", format) }

// Number is a whole number.
func Number() *Object { return obj("type", "integer") }

// Texts is an array of strings.
func Texts() *Object { return obj("type", "array", "items", Text("")) }

const about = "Who is asking is shown by a token, as `Authorization: Bearer` or in the cookie `jwt`; with the cookie, " +
	"what changes something needs an `Origin` that is allowed. A server without a secret believes `?userId=` of requests from its own machine. " +
	"Bodies are `application/json`. Errors are `{\"error\": \"a sentence\", \"code\": \"…\"}`."

func (s *schemas) openAPI(r *REST) *Object {
	s.special, s.overrides = r.Special, r.Overrides
	paths := obj()
	var tags []*Object
	for _, e := range r.Endpoints {
		item, ok := paths.get(e.Path).(*Object)
		if !ok {
			item = obj()
			paths.set(e.Path, item)
		}
		item.set(strings.ToLower(e.Method), s.operation(&e, r))
		if tag := obj("name", e.Tag); !slices.ContainsFunc(tags, func(o *Object) bool { return o.get("name") == e.Tag }) {
			tags = append(tags, tag)
		}
	}
	if len(r.Webhooks) > 0 {
		tags = append(tags, obj("name", hookTag, "description", "What a back end is told with `TANDEM_WEBHOOK_URLS`, and asked with `TANDEM_PERMIT_URL`, in the form of [Standard Webhooks](https://www.standardwebhooks.com)."))
	}
	s.component(r.Error, nil)
	return obj(
		"openapi", "3.1.0",
		"info", obj("title", "Tandem REST", "version", "1", "description", about, "license", obj("name", "MIT", "identifier", "MIT")),
		"servers", []*Object{obj("url", "/", "description", "This server.")},
		"tags", tags,
		"paths", paths,
		"webhooks", s.webhooks(r.Webhooks),
		"components", obj(
			"schemas", s.components,
			"securitySchemes", obj(
				"token", obj("type", "http", "scheme", "bearer", "bearerFormat", "JWT", "description", "The user's token."),
				"cookie", obj("type", "apiKey", "in", "cookie", "name", "jwt", "description", "The same token as a cookie."),
				"serverKey", obj("type", "http", "scheme", "bearer", "description", "A key of TANDEM_SERVER_KEYS, for back ends."),
			),
		),
		"x-tandem", tandemExtension(),
	)
}

// tandemExtension is what the page needs to run examples.
func tandemExtension() *Object {
	values, preparations := obj(), obj()
	for _, v := range Values {
		values.set(v[0], v[1])
	}
	names := make([]string, 0, len(Preparations))
	for name := range Preparations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var steps []*Object
		for _, st := range Preparations[name] {
			o := obj("as", st.As, "event", st.Event, "payload", json.RawMessage(st.Payload))
			steps = append(steps, o.text("keep", st.Keep).text("from", st.From))
		}
		preparations.set(name, steps)
	}
	return obj("values", values, "preparations", preparations)
}

func (s *schemas) operation(e *Endpoint, r *REST) *Object {
	o := obj("operationId", e.ID, "summary", e.Summary, "tags", []string{e.Tag}).text("description", e.Description)
	switch e.Access {
	case AUser:
		o.set("security", []*Object{obj("token", []string{}), obj("cookie", []string{})})
	case AServer:
		o.set("security", []*Object{obj("serverKey", []string{})})
	case Anybody:
		o.set("security", []*Object{})
	}
	var params []*Object
	for _, p := range e.Params {
		param := obj("name", p.Name, "in", p.In, "required", p.In == "path", "description", p.About, "schema", s.of(p.Type))
		if p.In == "path" {
			param.set("example", Fill(pathValues[p.Name]))
		}
		params = append(params, param)
	}
	if len(params) > 0 {
		o.set("parameters", params)
	}
	if e.Body != nil {
		o.set("requestBody", obj("required", true, "content", jsonContent(s.component(e.Body, append([]string{}, e.Required...)), Fill(e.Example.Body))))
	}
	o.set("responses", s.responses(e, r))
	curl, js := e.samples()
	o.set("x-codeSamples", []*Object{
		obj("lang", "Shell", "label", "curl", "source", Fill(curl)),
		obj("lang", "JavaScript", "label", "fetch", "source", Fill(js)),
	})
	try := obj("path", e.target(), "curl", curl, "js", js).text("before", e.Example.Before).text("after", e.Example.After)
	if e.Example.Body != "" {
		try.set("body", json.RawMessage(e.Example.Body))
	}
	return o.set("x-tandem-try", try)
}

func jsonContent(schema *Object, example string) *Object {
	content := obj("schema", schema)
	if example != "" {
		content.set("example", json.RawMessage(example))
	}
	return obj("application/json", content)
}

func (s *schemas) responses(e *Endpoint, r *REST) *Object {
	o := obj()
	schema := s.of(e.Answer)
	if e.Plain != nil {
		schema = obj("anyOf", []*Object{s.of(e.Plain), schema})
	}
	o.set(strconv.Itoa(e.Status), obj("description", http.StatusText(e.Status), "content", jsonContent(schema, "")))
	byStatus := map[int][]string{}
	for _, c := range e.codes() {
		byStatus[c.HTTPStatus()] = append(byStatus[c.HTTPStatus()], string(c))
	}
	statuses := make([]int, 0, len(byStatus))
	for st := range byStatus {
		statuses = append(statuses, st)
	}
	slices.Sort(statuses)
	for _, st := range statuses {
		list := byStatus[st]
		slices.Sort(list)
		list = slices.Compact(list)
		texts := make([]string, len(list))
		for i, c := range list {
			texts[i] = "`" + c + "`: " + wire.Code(c).Message()
		}
		o.set(strconv.Itoa(st), obj("description", strings.Join(texts, " "), "content", jsonContent(s.component(r.Error, nil), ""), "x-codes", list))
	}
	return o
}

// codes are all that a route may answer.
func (e *Endpoint) codes() []wire.Code {
	list := slices.Clone(e.Codes)
	switch e.Access {
	case AUser:
		list = append(list, wire.CodeUnauthorized, wire.CodeTokenExpired, wire.CodeIdentityMismatch, wire.CodeOriginNotAllowed)
	case AServer:
		list = append(list, wire.CodeUnauthorized, wire.CodeNotConfigured)
	case Anybody:
	}
	if e.Body != nil {
		list = append(list, wire.CodeBadPayload, wire.CodeTooLarge)
	}
	return append(list, wire.CodeInternal)
}

package apidoc

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Webhook is what a server posts to a back end.
type Webhook struct {
	Type    string
	Summary string
	Data    reflect.Type // of an event; nil: it is a question
	Body    reflect.Type // of a question
	Answer  reflect.Type // to a question; what is said to an event is not read
}

const hookTag = "Webhooks"

// examplesFile has an example of each webhook, a line each.
const examplesFile = "PROTOCOL.md"

// hookExamples reads the examples by their types.
func hookExamples(root string) (map[string]json.RawMessage, error) {
	text, err := os.ReadFile(filepath.Join(root, examplesFile)) //nolint:gosec // of this repository
	if err != nil {
		return nil, fmt.Errorf("apidoc: %w", err)
	}
	examples := map[string]json.RawMessage{}
	for line := range strings.Lines(string(text)) {
		var e struct{ Type string }
		if strings.HasPrefix(line, `{"type":"`) && json.Unmarshal([]byte(line), &e) == nil {
			examples[e.Type] = json.RawMessage(strings.TrimSpace(line))
		}
	}
	return examples, nil
}

// signature is what Standard Webhooks put into the headers.
func signature() []*Object {
	var list []*Object
	for _, p := range [][2]string{
		{"webhook-id", "The same whenever it comes again."},
		{"webhook-timestamp", "When it was posted, in seconds since 1970."},
		{"webhook-signature", "`v1,` and the HMAC-SHA256 of `id.timestamp.body`, in base64; several are separated by spaces. The libraries of Standard Webhooks verify it."},
	} {
		list = append(list, obj("name", p[0], "in", "header", "required", true, "description", p[1], "schema", Text("")))
	}
	return list
}

func (s *schemas) webhooks(list []Webhook) *Object {
	examples, err := hookExamples(s.comments.root)
	if err != nil {
		s.fail("%v", err)
	}
	o := obj()
	for i := range list {
		w := &list[i]
		example, ok := examples[w.Type]
		if !ok {
			s.fail("%s has no example of %s", examplesFile, w.Type)
		}
		var body, responses *Object
		if w.Data == nil {
			body = s.component(w.Body, nil)
			responses = obj("200", obj("description", "The answer.", "content", jsonContent(s.component(w.Answer, nil), "")))
		} else {
			body = obj(
				"type", "object",
				"properties", obj(
					"type", obj("type", "string", "enum", []string{w.Type}),
					"timestamp", obj("type", "string", "format", "date-time", "description", "When it happened."),
					"id", obj("type", "string", "description", "As in the header."),
					"data", s.of(w.Data),
				),
				"required", []string{"type", "timestamp", "id", "data"},
			)
			responses = obj(
				"2XX", obj("description", "It is taken. What else the answer says is not read; anything else has it come again."),
				"410", obj("description", "Nothing more is wanted here."),
			)
		}
		o.set(w.Type, obj("post", obj(
			"operationId", "webhook."+w.Type, "summary", w.Summary, "tags", []string{hookTag}, "security", []*Object{},
			"parameters", signature(),
			"requestBody", obj("required", true, "content", obj("application/json", obj("schema", body, "example", example))),
			"responses", responses,
		)))
	}
	return o
}

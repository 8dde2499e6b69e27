package apidoc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// enums are the values of named strings. An open one may get more values.
var enums = map[reflect.Type]enum{
	reflect.TypeFor[shape.CallStatus]():    {values: []string{"ringing", "answered", "ended"}},
	reflect.TypeFor[shape.ReplyStatus]():   {values: []string{"ringing", "answered", "ended", "glare"}},
	reflect.TypeFor[shape.MessageStatus](): {values: []string{wire.StatusSent, wire.StatusDelivered, wire.StatusSeen}},
	reflect.TypeFor[shape.PeerStatus]():    {values: []string{"reconnecting", "back"}},
	reflect.TypeFor[shape.Role]():          {values: []string{"caller", "callee"}},
	reflect.TypeFor[shape.EndReason]():     {values: endReasons(), open: true},
	reflect.TypeFor[call.Reason]():         {values: endReasons(), open: true},
	reflect.TypeFor[shape.ErrorCode]():     {values: errorCodes()},
	reflect.TypeFor[wire.Code]():           {values: errorCodes()},
}

type enum struct {
	values []string
	open   bool
}

func endReasons() []string {
	var list []string
	for _, r := range []call.Reason{
		call.Hangup, call.Cancelled, call.Rejected, call.Busy, call.Offline, call.NoAnswer, call.AnsweredElsewhere,
		call.Lost, call.Glare, call.Superseded, call.Transferred, call.Forbidden, call.Failed,
	} {
		list = append(list, string(r))
	}
	return list
}

func errorCodes() []string {
	var list []string
	for _, c := range wire.Codes() {
		list = append(list, string(c))
	}
	slices.SortFunc(list, func(a, b string) int {
		if d := wire.Code(a).HTTPStatus() - wire.Code(b).HTTPStatus(); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return list
}

// Field is one field of a Go type.
type Field struct {
	Type reflect.Type
	Name string
}

// schemas makes JSON schemas of Go types, structs and enumerations as components.
type schemas struct {
	comments   *comments
	components *Object
	types      map[string]reflect.Type // by name of the component
	// special is for types that read themselves, overrides for raw JSON.
	special   map[reflect.Type]*Object
	overrides map[Field]reflect.Type
	failed    error
}

func newSchemas(c *comments) *schemas {
	return &schemas{comments: c, components: obj(), types: map[string]reflect.Type{}}
}

func (s *schemas) fail(format string, args ...any) {
	if s.failed == nil {
		s.failed = fmt.Errorf("apidoc: "+format, args...)
	}
}

// of is the schema of a type where it is used.
func (s *schemas) of(t reflect.Type) *Object {
	if o, ok := s.special[t]; ok {
		return o
	}
	switch t {
	case reflect.TypeFor[shape.Signal](), reflect.TypeFor[shape.Any](), reflect.TypeFor[json.RawMessage]():
		return obj()
	case reflect.TypeFor[shape.ISOTime](), reflect.TypeFor[time.Time]():
		return obj("type", "string", "format", "date-time")
	}
	if _, ok := enums[t]; ok {
		return s.component(t, nil)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(s.of(t.Elem()))
	case reflect.Struct:
		if t.Name() == "" {
			props, must := obj(), []string{}
			s.properties(t, props, &must)
			return obj("type", "object", "properties", props, "required", must)
		}
		return s.component(t, nil)
	case reflect.Slice:
		return obj("type", "array", "items", s.of(t.Elem()))
	case reflect.Map:
		return obj("type", "object", "additionalProperties", s.of(t.Elem()))
	case reflect.String:
		return obj("type", "string")
	case reflect.Bool:
		return obj("type", "boolean")
	case reflect.Int, reflect.Int64:
		return obj("type", "integer")
	}
	s.fail("no schema for %s", t)
	return obj()
}

func nullable(o *Object) *Object {
	if kind, ok := o.get("type").(string); ok {
		return obj("type", []string{kind, "null"}).rest(o)
	}
	if len(o.members) == 0 { // any JSON, null too
		return o
	}
	return obj("anyOf", []*Object{o, obj("type", "null")})
}

// rest adds the other members of an object.
func (o *Object) rest(from *Object) *Object {
	for _, m := range from.members {
		if o.get(m.key) == nil {
			o.set(m.key, m.value)
		}
	}
	return o
}

func componentName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[call.Reason]():
		return "EndReason"
	case reflect.TypeFor[wire.Code]():
		return "ErrorCode"
	}
	return strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
}

// component is a reference to a named schema, which is made at the first call.
// required, if not nil, names the fields that have to be there; otherwise these are
// those without omitempty.
func (s *schemas) component(t reflect.Type, required []string) *Object {
	name := componentName(t)
	ref := obj("$ref", "#/components/schemas/"+name)
	if known, ok := s.types[name]; ok {
		if known != t && (enums[known].values == nil || enums[t].values == nil) {
			s.fail("two types are called %s: %s and %s", name, known, t)
		}
		return ref
	}
	s.types[name] = t
	o := obj().text("description", s.comments.of(t, ""))
	s.components.set(name, o)
	if e, ok := enums[t]; ok {
		o.set("type", "string")
		o.set("enum", e.values)
		return ref
	}
	o.set("type", "object")
	props, must := obj(), []string{}
	s.properties(t, props, &must)
	if required != nil {
		must = required
	}
	o.set("properties", props)
	if len(must) > 0 {
		o.set("required", must)
	}
	return ref
}

func (s *schemas) properties(t reflect.Type, props *Object, must *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			s.properties(f.Type, props, must)
			continue
		}
		name, optional := jsonName(f)
		if name == "" {
			continue
		}
		ft := f.Type
		if other, ok := s.overrides[Field{t, f.Name}]; ok {
			ft = other
		}
		if optional && ft.Kind() == reflect.Pointer { // absent rather than null
			ft = ft.Elem()
		}
		props.set(name, described(s.of(ft), s.comments.of(t, f.Name)))
		if !optional {
			*must = append(*must, name)
		}
	}
}

// described adds a description, beside a reference as JSON Schema draft 7 takes
// it.
func described(o *Object, text string) *Object {
	if text == "" {
		return o
	}
	if o.get("$ref") != nil {
		return obj("allOf", []*Object{o}, "description", text)
	}
	return obj().rest(o).set("description", text)
}

// jsonName is a field's name in JSON, "" for none, and whether it may be absent.
func jsonName(f reflect.StructField) (name string, optional bool) {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" || !f.IsExported() {
		return "", false
	}
	if name == "" {
		name = f.Name
	}
	return name, strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
}

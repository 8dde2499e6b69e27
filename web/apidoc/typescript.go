package apidoc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

const tsHead = `/**
 * The payloads of the protocol, made of the server's own types by
 * ` + "`go generate ./web/...`" + `. Do not edit.
 */

`

// tsNames are types whose name in TypeScript is another one.
var tsNames = map[reflect.Type]string{
	reflect.TypeFor[shape.UserID]():    "UserId",
	reflect.TypeFor[shape.CallID]():    "CallId",
	reflect.TypeFor[shape.MessageID](): "MessageId",
	reflect.TypeFor[shape.ErrorCode](): "ServerCode",
	reflect.TypeFor[wire.Code]():       "ServerCode",
	reflect.TypeFor[call.Reason]():     "EndReason",
}

// tsOpen are types that may have members of a site's own.
var tsOpen = map[reflect.Type]string{
	reflect.TypeFor[shape.Profile](): "Those that this server allows besides (--profile-fields).",
}

// typescript writes types as they are met.
type typescript struct {
	comments *comments
	done     map[string]bool
	out      []string
}

// TypeScript is the file of the SDK.
func typeScript(c *comments, events []Event) string {
	ts := &typescript{comments: c, done: map[string]bool{}}
	var sent, asked, volatile strings.Builder
	ts.of(reflect.TypeFor[shape.ErrorCode]())
	ts.of(reflect.TypeFor[shape.Hello]())
	for i := range events {
		e := &events[i]
		switch {
		case e.Plain:
		case e.To == Client:
			list := make([]string, len(e.Args))
			for i, a := range e.Args {
				list[i] = a.Name + ": " + ts.of(a.Type)
			}
			fmt.Fprintf(&sent, "  /** %s */\n  %s: [%s]\n", e.Summary, tsKey(e.Name), strings.Join(list, ", "))
		case e.Ack == nil && e.Example.Body != "":
			fmt.Fprintf(&volatile, "  /** %s */\n  %s: %s\n", e.Summary, tsKey(e.Name), ts.of(e.Args[0].Type))
		case e.Ack != nil:
			reply := ts.of(e.Ack.Type)
			if e.Ack.Type == reflect.TypeFor[shape.Nothing]() {
				reply = "object"
			}
			fmt.Fprintf(&asked, "  /** %s */\n  %s: { payload: %s; reply: %s }\n", e.Summary, tsKey(e.Name), ts.of(e.Args[0].Type), reply)
		}
	}
	return tsHead + strings.Join(ts.out, "\n") +
		"\n/** Server → client: event name to its arguments. */\nexport interface ServerEvents {\n" + sent.String() + "}\n" +
		"\n/** Client → server, acknowledged: event name to payload and reply. */\nexport interface Requests {\n" + asked.String() + "}\n" +
		"\n/** Client → server, worth nothing once late. */\nexport interface Volatile {\n" + volatile.String() + "}\n"
}

func tsKey(name string) string {
	if strings.ContainsRune(name, ':') {
		return "'" + name + "'"
	}
	return name
}

// of is the name of a type, which is written first if it is a new one.
func (ts *typescript) of(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[shape.Any](), reflect.TypeFor[json.RawMessage]():
		return "unknown"
	case reflect.TypeFor[shape.Signal]():
		return ts.named(t, func(string) string { return "unknown" })
	case reflect.TypeFor[shape.Nothing]():
		return "Record<string, never>"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return ts.of(t.Elem()) + " | null"
	case reflect.Slice:
		return ts.of(t.Elem()) + "[]"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "number"
	case reflect.String:
		if t.PkgPath() == "" || t == reflect.TypeFor[shape.ISOTime]() {
			return "string"
		}
		return ts.named(t, func(string) string { return tsStrings(enums[t]) })
	case reflect.Struct:
		return ts.named(t, nil)
	}
	return "unknown"
}

func tsStrings(e enum) string {
	if len(e.values) == 0 {
		return "string"
	}
	quoted := make([]string, 0, len(e.values)+1)
	for _, v := range e.values {
		quoted = append(quoted, "'"+v+"'")
	}
	if e.open {
		quoted = append(quoted, "(string & {})")
	}
	if len(quoted) < 6 {
		return strings.Join(quoted, " | ")
	}
	return "\n  | " + strings.Join(quoted, "\n  | ")
}

func (ts *typescript) named(t reflect.Type, alias func(string) string) string {
	name := tsNames[t]
	if name == "" {
		name = t.Name()
	}
	if ts.done[name] {
		return name
	}
	ts.done[name] = true
	head := ""
	if text := ts.comments.of(t, ""); text != "" {
		head = "/** " + text + " */\n"
	}
	if alias != nil {
		right := alias(name)
		sep := " "
		if strings.HasPrefix(right, "\n") {
			sep = ""
		}
		ts.out = append(ts.out, head+"export type "+name+" ="+sep+right+"\n")
		return name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%sexport interface %s {\n", head, name)
	for i := range t.NumField() {
		f := t.Field(i)
		key, optional := jsonName(f)
		ft := f.Type
		if optional && ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if text := ts.comments.of(t, f.Name); text != "" {
			fmt.Fprintf(&b, "  /** %s */\n", text)
		} else if about := tsUnit(ft); about != "" {
			fmt.Fprintf(&b, "  /** %s */\n", about)
		}
		fmt.Fprintf(&b, "  %s%s: %s\n", key, map[bool]string{true: "?"}[optional], ts.of(ft))
	}
	if about, ok := tsOpen[t]; ok {
		fmt.Fprintf(&b, "  /** %s */\n  [field: string]: unknown\n", about)
	}
	ts.out = append(ts.out, b.String()+"}\n")
	return name
}

// tsUnit says what TypeScript's type does not.
func tsUnit(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[shape.Millis]():
		return "Milliseconds since 1970."
	case reflect.TypeFor[shape.ISOTime]():
		return "ISO 8601, UTC."
	}
	return ""
}

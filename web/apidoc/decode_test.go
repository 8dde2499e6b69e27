package apidoc

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// decoder is the function of package wire that reads an event.
type decoder struct {
	name string
	read func([][]byte) error
}

func reads[T any](name string, f func([][]byte) (T, error)) decoder {
	return decoder{name, func(args [][]byte) error { _, err := f(args); return err }}
}

// decoders are those of all events with a payload that counts.
var decoders = map[string]decoder{
	wire.CallUser:             reads("DecodeCallUser", wire.DecodeCallUser),
	wire.CallAnswer:           reads("DecodeCallAnswer", wire.DecodeCallAnswer),
	wire.CallEnd:              reads("DecodeCallRef", wire.DecodeCallRef),
	wire.CallRejected:         reads("DecodeCallRef", wire.DecodeCallRef),
	wire.CallCandidate:        reads("DecodeCallCandidate", wire.DecodeCallCandidate),
	wire.CallSignal:           reads("DecodeCallSignal", wire.DecodeCallSignal),
	wire.CallTransfer:         reads("DecodeCallTransfer", wire.DecodeCallTransfer),
	wire.MessageDelivered:     reads("DecodeReceipt", wire.DecodeReceipt),
	wire.MessageSeen:          reads("DecodeReceipt", wire.DecodeReceipt),
	wire.AllMessageSeen:       reads("DecodeAllSeen", wire.DecodeAllSeen),
	wire.Typing:               reads("DecodeTyping", wire.DecodeTyping),
	wire.StopTyping:           reads("DecodeTyping", wire.DecodeTyping),
	wire.MessageSend:          reads("DecodeMessageSend", wire.DecodeMessageSend),
	wire.MessageSync:          reads("DecodeMessageSync", wire.DecodeMessageSync),
	wire.MessageEdit:          reads("DecodeMessageEdit", wire.DecodeMessageEdit),
	wire.MessageDelete:        reads("DecodeMessageDelete", wire.DecodeMessageDelete),
	wire.MessageReact:         reads("DecodeMessageReact", wire.DecodeMessageReact),
	wire.MessageHistory:       reads("DecodeMessageHistory", wire.DecodeMessageHistory),
	wire.MessageConversations: reads("DecodeConversations", wire.DecodeConversations),
	wire.PresenceWatch:        reads("DecodeWatch", wire.DecodeWatch),
	wire.PresenceUnwatch:      reads("DecodeWatch", wire.DecodeWatch),
	wire.UserBlock:            reads("DecodeUserBlock", wire.DecodeUserBlock),
	wire.UserUnblock:          reads("DecodeUserBlock", wire.DecodeUserBlock),
	wire.AuthRefresh:          reads("DecodeRefresh", wire.DecodeRefresh),
}

// without are the events that read nothing, or no more than the id of a call.
var without = []string{wire.CallResume, wire.CallHandoff, wire.CallInvite, wire.UserBlocks, wire.ICEServers, wire.Ping}

func TestEveryDecoderHasAShape(t *testing.T) {
	for name := range signaling.Events() {
		if _, ok := decoders[name]; !ok && !slices.Contains(without, name) {
			t.Errorf("%s has no decoder in web/apidoc/decode_test.go: add it, so that its fields are compared", name)
		}
	}
	for name := range readFields(t) {
		used := false
		for _, d := range decoders {
			used = used || d.name == name
		}
		if !used {
			t.Errorf("wire.%s is compared with no shape: add it to web/apidoc/decode_test.go", name)
		}
	}
}

// readFields are the members that each Decode function of package wire looks for:
// the strings that it compares a key with.
func readFields(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, f := range parsed(t, "signaling/wire") {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Decode") {
				continue
			}
			all[fn.Name.Name] = keysIn(fn)
		}
	}
	return all
}

func keysIn(fn *ast.FuncDecl) (keys []string) {
	add := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			key, _ := strconv.Unquote(lit.Value)
			keys = append(keys, key)
		}
	}
	ofKey := func(e ast.Expr) bool { // string(k)
		c, ok := e.(*ast.CallExpr)
		if !ok || len(c.Args) != 1 {
			return false
		}
		arg, ok := c.Args[0].(*ast.Ident)
		return ok && arg.Name == "k"
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SwitchStmt:
			if !ofKey(n.Tag) {
				return true
			}
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					add(e)
				}
			}
		case *ast.BinaryExpr:
			if ofKey(n.X) {
				add(n.Y)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "ofMessage" {
				keys = append(keys, "messageId")
			}
		}
		return true
	})
	return keys
}

func TestShapesHaveTheFieldsThatAreRead(t *testing.T) {
	read, c := readFields(t), newComments(root)
	for _, e := range Events() {
		d, ok := decoders[e.Name]
		if !ok || e.To != Server {
			continue
		}
		payload, want := e.Args[0].Type, slices.Clone(read[d.name])
		var have []string
		for i := range payload.NumField() {
			name, _ := jsonName(payload.Field(i))
			about := c.of(payload, payload.Field(i).Name)
			if strings.HasPrefix(about, "ignored") || strings.Contains(about, "overwritten") {
				if slices.Contains(want, name) {
					t.Errorf("%s.%s is said to be ignored, and wire.%s reads it", payload, name, d.name)
				}
				continue
			}
			have = append(have, name)
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			t.Errorf("%s: %s has %v, wire.%s reads %v: make signaling/wire/shape and signaling/wire agree", e.Name, payload, have, d.name, want)
		}
	}
}

// lenient are fields whose wrong values count as absent.
var lenient = map[string][]string{wire.CallUser: {"from"}, wire.CallEnd: {"to"}, wire.CallRejected: {"to"}, wire.MessageSend: {"replyTo"}}

// refused are fields whose absence the rules of messages refuse, not the decoder.
var refused = map[string][]string{wire.MessageEdit: {"text"}, wire.MessageReact: {"emoji"}}

func TestDecodersTakeWhatShapesSay(t *testing.T) {
	for _, e := range Events() {
		d, ok := decoders[e.Name]
		if !ok || e.To != Server {
			continue
		}
		example := Fill(e.Example.Body)
		if err := d.read([][]byte{[]byte(example)}); err != nil {
			t.Errorf("%s does not take its own example: %v", e.Name, err)
			continue
		}
		if err := d.read(nil); (err == nil) != e.Args[0].Optional {
			t.Errorf("%s without an argument: %v, Optional is %t", e.Name, err, e.Args[0].Optional)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(example), &members); err != nil {
			t.Fatal(err)
		}
		payload, c := e.Args[0].Type, newComments(root)
		for i := range payload.NumField() {
			f := payload.Field(i)
			name, optional := jsonName(f)
			about := c.of(payload, f.Name)
			if strings.HasPrefix(about, "ignored") || strings.Contains(about, "overwritten") || slices.Contains(lenient[e.Name], name) {
				continue
			}
			if !optional && !slices.Contains(refused[e.Name], name) {
				if err := d.read(with(t, members, name, "")); err == nil {
					t.Errorf("%s is taken without %s, which is required", e.Name, name)
				}
			}
			if wrong := wrongFor(f.Type); wrong != "" {
				if err := d.read(with(t, members, name, wrong)); err == nil {
					t.Errorf("%s takes %s for %s, which is a %s", e.Name, wrong, name, f.Type)
				}
			}
		}
	}
}

// with is an argument with one member replaced, or left out.
func with(t *testing.T, members map[string]json.RawMessage, name, value string) [][]byte {
	t.Helper()
	changed := map[string]json.RawMessage{}
	for k, v := range members {
		changed[k] = v
	}
	delete(changed, name)
	if value != "" {
		changed[name] = json.RawMessage(value)
	}
	b, err := json.Marshal(changed)
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{b}
}

// wrongFor is JSON of another type; "" where any will do.
func wrongFor(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[shape.Signal](), reflect.TypeFor[shape.Any]():
		return ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wrongFor(t.Elem())
	case reflect.String:
		return `7`
	case reflect.Slice:
		return `"x"`
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Struct:
		return `"x"`
	}
	return ""
}

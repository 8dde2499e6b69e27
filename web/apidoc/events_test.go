package apidoc

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// plainOnly are the frames of /ws that its dialect takes itself.
var plainOnly = []string{wire.Auth, wire.Seq, wire.Disconnect}

func TestEveryEventThatClientsSendIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, e := range Events() {
		if e.To != Server {
			continue
		}
		if documented[e.Name] {
			t.Errorf("%s stands twice", e.Name)
		}
		documented[e.Name] = true
		extended, taken := signaling.Events()[e.Name]
		switch {
		case e.Plain != slices.Contains(plainOnly, e.Name):
			t.Errorf("%s: Plain is %t", e.Name, e.Plain)
		case !taken && !e.Plain:
			t.Errorf("%s is documented in web/apidoc/events_*.go, but signaling/dispatch.go does not take it", e.Name)
		case taken && extended != e.Extended:
			t.Errorf("%s: Extended is %t in web/apidoc/events_*.go, %t in signaling/dispatch.go", e.Name, e.Extended, extended)
		}
	}
	for name := range signaling.Events() {
		if !documented[name] {
			t.Errorf("%s is taken by signaling/dispatch.go and not documented: add an Event{Name: …, Args, Ack, Example} to "+
				"web/apidoc/events_*.go, its payloads to signaling/wire/shape and its decoder to web/apidoc/decode_test.go, "+
				"then run `go generate ./web/...`", name)
		}
	}
}

// parsed are the Go sources of a folder, without tests.
func parsed(t *testing.T, dir string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, dir, e.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// eventConstants are the names of package wire for events.
func eventConstants(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "signaling/wire/events.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || strings.HasPrefix(v.Names[0].Name, "Status") {
			return true
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			names[v.Names[0].Name], _ = strconv.Unquote(lit.Value)
		}
		return true
	})
	if len(names) < 40 {
		t.Fatalf("only %d events were found", len(names))
	}
	return names
}

// makers are the functions of package signaling that make an event of a name.
var makers = []string{"eventOf", "droppable", "ended", "tellTyping"}

func TestEveryEventThatClientsAreSentIsDocumented(t *testing.T) {
	constants, sent := eventConstants(t), map[string]bool{wire.Hello: true}
	for _, f := range parsed(t, "signaling") {
		ast.Inspect(f, func(n ast.Node) bool {
			var inside []ast.Expr
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if slices.Contains(makers, name) {
					inside = n.Args
				}
			case *ast.KeyValueExpr: // wire.Event{Name: wire.X}
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Name" {
					inside = []ast.Expr{n.Value}
				}
			}
			for _, e := range inside {
				if sel, ok := e.(*ast.SelectorExpr); ok && constants[sel.Sel.Name] != "" {
					sent[constants[sel.Sel.Name]] = true
				}
			}
			return true
		})
	}
	documented := map[string]bool{}
	for _, e := range Events() {
		if e.To == Client {
			documented[e.Name] = true
			if !sent[e.Name] {
				t.Errorf("%s is documented as sent to clients, and package signaling makes no such event", e.Name)
			}
		}
	}
	for name := range sent {
		if !documented[name] {
			t.Errorf("%s is sent to clients and not documented: add an Event{Name: …, To: Client, Args, Shown} to web/apidoc/events_*.go "+
				"and its payload to signaling/wire/shape, then run `go generate ./web/...`", name)
		}
	}
	for constant, name := range constants {
		if _, taken := signaling.Events()[name]; !taken && !documented[name] && !slices.Contains(plainOnly, name) {
			t.Errorf("wire.%s (%s) is documented in neither direction: see web/apidoc/events_*.go", constant, name)
		}
	}
}

func TestExamplesOfEventsAreOfTheirTypes(t *testing.T) {
	for _, e := range Events() {
		text := e.example()
		if text == "" {
			continue
		}
		var args []json.RawMessage
		if err := json.Unmarshal([]byte(Fill(text)), &args); err != nil {
			t.Errorf("%s: %v", e.Name, err)
			continue
		}
		if len(args) != len(e.Args) {
			t.Errorf("%s: %d arguments are shown, %d described", e.Name, len(args), len(e.Args))
			continue
		}
		for i, a := range e.Args {
			v := reflect.New(a.Type)
			dec := json.NewDecoder(strings.NewReader(string(args[i])))
			dec.DisallowUnknownFields()
			if err := dec.Decode(v.Interface()); err != nil {
				t.Errorf("%s, argument %d: %v", e.Name, i+1, err)
			}
		}
		if e.Example.Before != "" && Preparations[e.Example.Before] == nil {
			t.Errorf("%s needs %q, which Preparations does not have", e.Name, e.Example.Before)
		}
	}
}

func TestCodesOfEventsAreOfTheTable(t *testing.T) {
	for _, e := range Events() {
		for _, c := range e.codes() {
			if c.Message() == "" {
				t.Errorf("%s: there is no code %q", e.Name, c)
			}
		}
	}
	var doc struct {
		Codes []struct {
			Code    string
			Status  int
			Message string
		} `json:"x-codes"`
		Closes []struct{ Code int } `json:"x-close-codes"`
	}
	if err := json.Unmarshal(source(t, AsyncAPIFile), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Codes) != len(wire.Codes()) || len(doc.Closes) != len(wire.CloseCodes()) {
		t.Errorf("%d codes and %d close codes are documented", len(doc.Codes), len(doc.Closes))
	}
	for _, c := range doc.Codes {
		if code := wire.Code(c.Code); code.HTTPStatus() != c.Status || code.Message() != c.Message {
			t.Errorf("%+v is not what the table says", c)
		}
	}
}

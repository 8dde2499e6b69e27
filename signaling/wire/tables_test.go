package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// declared reads the constants of one type from a file of this package.
func declared(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		id, ok := v.Type.(*ast.Ident)
		lit, ok2 := v.Values[0].(*ast.BasicLit)
		if !ok || !ok2 || id.Name != typ {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, s)
		return true
	})
	return values
}

func TestErrorTable_IsComplete(t *testing.T) {
	codes := declared(t, "errors.go", "Code")
	if len(codes) < 20 || len(codes) != len(Codes()) {
		t.Errorf("%d codes are declared, %d in the table", len(codes), len(Codes()))
	}
	for _, s := range codes {
		c := Code(s)
		if c.Message() == "" || http.StatusText(c.HTTPStatus()) == "" || c.HTTPStatus() < 400 {
			t.Errorf("%s: message %q, status %d", c, c.Message(), c.HTTPStatus())
		}
		if strings.ToLower(s) != s || strings.ContainsAny(s, " -") {
			t.Errorf("code %q is not written like_this", s)
		}
	}
	if got := Code("no such").HTTPStatus(); got != 500 {
		t.Errorf("an unknown code has status %d", got)
	}
}

func TestCloseTable_IsCompleteAndSendable(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(x ast.Node) bool {
		if v, ok := x.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Close") {
			n++
		}
		return true
	})
	seen := map[int]bool{}
	for _, c := range CloseCodes() {
		if seen[c.Code] {
			t.Errorf("close code %d stands twice", c.Code)
		}
		seen[c.Code] = true
		if c.Reason == "" || len(c.Reason) > 123 || c.Means == "" {
			t.Errorf("close code %d: reason %q, means %q", c.Code, c.Reason, c.Means)
		}
		if ok := c.Code == 1000 || c.Code == 1001 || c.Code == 1007 || c.Code == 1009 || (c.Code >= 4000 && c.Code < 5000); !ok {
			t.Errorf("close code %d may not be sent (RFC 6455 §7.4)", c.Code)
		}
	}
	if n != len(seen) {
		t.Errorf("%d close codes are declared, %d in the table", n, len(seen))
	}
}

// coded is an error of another package with a code.
type coded string

func (c coded) Error() string { return "internal text" }
func (c coded) Code() string  { return string(c) }

func TestProblemOf_LeaksNothing(t *testing.T) {
	for _, c := range []struct {
		err   error
		code  Code
		known bool
	}{
		{Errorf(CodeBusy, ""), CodeBusy, true},
		{fmt.Errorf("wrapped: %w", Errorf(CodeBadPayload, "to is missing.")), CodeBadPayload, true},
		{coded("not_in_call"), CodeNotInCall, true},
		{fmt.Errorf("wrapped: %w", coded("call_ended")), CodeCallEnded, true},
		{coded("made_up"), CodeInternal, false},
		{errors.New("password=1234"), CodeInternal, false},
	} {
		p, known := ProblemOf(c.err)
		if p.Code != c.code || known != c.known || strings.Contains(p.Message, "internal text") || strings.Contains(p.Message, "1234") {
			t.Errorf("ProblemOf(%v) is %+v, %t", c.err, p, known)
		}
	}
	if p := Errorf(CodeBusy, ""); p.Message != CodeBusy.Message() || p.Error() == "" {
		t.Errorf("Errorf without a message: %+v", p)
	}
}

func TestAppendProblem_IsJSON(t *testing.T) {
	p := Errorf(CodeBadPayload, "a \"quoted\"\nline \x00")
	var got struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(AppendErrorArg(nil, p), &got); err != nil || got.Error.Code != "bad_payload" || got.Error.Message != p.Message {
		t.Errorf("%s: %+v, %v", AppendErrorArg(nil, p), got, err)
	}
}

func TestEvent_EncodedOnce(t *testing.T) {
	ev := &Event{Name: "x"}
	made := 0
	encode := func(*Event) any { made++; return made }
	for range 3 {
		if v := ev.Encoded(SocketIO, encode); v != 1 {
			t.Errorf("Socket.IO form %v, want the first", v)
		}
		if v := ev.Encoded(PlainJSON, encode); v != 2 {
			t.Errorf("JSON form %v, want the first", v)
		}
	}
}

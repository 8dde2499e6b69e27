package signaling

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// eventConstants reads the names of all events from package wire.
func eventConstants(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "wire/events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			lit := v.Values[0].(*ast.BasicLit)
			if lit.Kind != token.STRING {
				continue // a bound
			}
			name, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
	}
	return names
}

// fromServer are the events that clients only receive, and dialect those that
// the plain dialect serves itself.
var (
	fromServer = []string{
		wire.CallIncoming, wire.CallAccepted, wire.CallUnavailable, wire.GetOnlineUsers, wire.UserTyping, wire.UserStopTyping,
		wire.MessageStatusUpdated, wire.AllMessageStatusUpdated, wire.CallRinging, wire.CallPeer, wire.CallState,
		wire.NewMessage, wire.ReactionUpdated, wire.MessageDeleted, wire.MessageEdited, wire.UserBlocked,
		wire.PresenceUpdate, wire.AuthExpiring, wire.ServerDrain, wire.Error,
	}
	dialect  = []string{wire.Disconnect, wire.Hello, wire.Auth, wire.Seq}
	statuses = []string{wire.StatusSent, wire.StatusDelivered, wire.StatusSeen}
)

func TestDispatch_EveryEventHasItsPlace(t *testing.T) {
	all := eventConstants(t)
	if len(all) < 40 {
		t.Fatalf("only %d events were found in wire/events.go", len(all))
	}
	for _, name := range all {
		_, routed := routes[name]
		other := slices.Contains(fromServer, name) || slices.Contains(dialect, name) || slices.Contains(statuses, name)
		if routed == other {
			t.Errorf("%s: routed %t, from the server or of a dialect %t: want one of them", name, routed, other)
		}
	}
	for name, r := range routes {
		if !slices.Contains(all, name) || r.handle == nil {
			t.Errorf("route %q: no such event in wire, or no handler", name)
		}
	}
}

func TestDispatch_BaseProfileIsServedToEverybody(t *testing.T) {
	for _, name := range []string{"call:user", "call:answer", "call:end", "call:rejected", "messageDelivered", "messageSeen", "allmessageSeen", "typing", "stopTyping"} {
		if r, ok := routes[name]; !ok || r.extended {
			t.Errorf("%s is not served to base clients", name)
		}
	}
}

// TestDispatch_EveryEventAnswersItsAck: whatever arguments come, an event that
// asks for an acknowledgement gets one, with a code of the table.
func TestDispatch_EveryEventAnswersItsAck(t *testing.T) {
	for name := range routes {
		for _, args := range [][]string{nil, {`null`}, {`17`}, {`{}`}, {`[]`}, {`"x"`, `{}`}, {`{"to":[],"callId":{},"users":7,"token":[],"receiverId":{},"signal":null}`}} {
			play(t, nil, func(w *world) {
				a := w.all("A1")[0]
				got := a.ask(name, args...)
				if got == "!internal" {
					t.Errorf("%s %v: internal error", name, args)
				}
				if got != "" && got[0] == '!' && wire.Code(got[1:]).Message() == "" {
					t.Errorf("%s %v: code %s is in no table", name, args, got)
				}
			})
		}
	}
}

// TestDispatch_CallErrorsAreInTheTable: what the call machine refuses has a code
// that clients know.
func TestDispatch_CallErrorsAreInTheTable(t *testing.T) {
	for _, err := range []*call.Error{call.ErrNotInCall, call.ErrAlreadyAnswered, call.ErrEnded, call.ErrNotAnswered, call.ErrBusy} {
		if p, known := wire.ProblemOf(err); !known || string(p.Code) != err.Code() {
			t.Errorf("%v: %v, known %t", err, p, known)
		}
	}
	for _, why := range []call.Reason{call.Busy, call.Offline, call.NoAnswer, call.Forbidden, call.Failed} {
		if sentence(string(why)) == "" {
			t.Errorf("%s has no sentence for people", why)
		}
	}
	eq(t, "the sentence that front ends compare with", sentence("busy"), "User is currently on another call")
}

func TestDispatch_SmallEvents(t *testing.T) {
	play(t, func(s *setup) { s.ICEServers = []byte(`[{"urls":"stun:stun.example.com"}]`); s.ICETTL = time.Hour }, func(w *world) {
		a := w.all("A1")[0]
		eq(t, "ice:servers", a.ask("ice:servers"), `{"iceServers":[{"urls":"stun:stun.example.com"}],"ttl":3600}`)
		eq(t, "ping", a.ask("ping"), fmt.Sprintf(`{"serverTime":%d}`, t0))
		eq(t, "message:send", a.ask("message:send", `{}`), "!not_configured")
		eq(t, "message:sync", a.ask("message:sync", `{}`), "!not_configured")
		eq(t, "call:invite", a.ask("call:invite", `{}`), "!not_configured")
		eq(t, "nonsense", a.ask("nonsense", `{}`), "!unknown_event")
		eq(t, "calling oneself", a.ask("call:user", ringing("a", offer(1))), "!bad_payload")
	})
}

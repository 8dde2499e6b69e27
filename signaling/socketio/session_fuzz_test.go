package socketio_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// FuzzSession plays a whole session over polling, without a network: the input
// is a script of POST bodies, polls, hang-ups and server-side calls. Whatever
// comes, nothing panics (a panic of the package's own is not recovered by a
// recorder), every request is answered, what waits is bounded, and nothing is
// left at the end.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"P40\nG\nP42[\"message\",1]\nG\n",
		"P40{\"a\":1}\x1e42[\"message\"]\x1e41\x1e40\nG\nC",
		"P40\nP451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID\nG\nX",
		"P40/x,\nP40\nP42/x,0[\"message\"]\nD\nG\nA\nG",
		"P40\nX\nG\nP40\nG", "P1\nG", "P40\nC\nP40\nG", "P3\nP2\n", "P430[]\n", "P40\nQ\nP430[1]\nG", "G\nG\nB\nP4",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4096 {
			return
		}
		srv, err := socketio.NewServer(socketio.Config{
			Engine:   engine.Config{MaxPayload: 2000, MaxQueue: 10_000, DropAbove: 5_000},
			Recovery: socketio.Recovery{Window: time.Minute, MaxBytes: 5_000},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		var last, polled *socketio.Socket // the newest of all, and of the session that sid names
		connection := func(s *socketio.Socket) {
			last, polled = s, s
			s.On("message", func(e *socketio.Event) { s.EmitBinary(socketio.MustArrive, "back", e.Args, e.Attachments) })
			s.OnAny(func(e *socketio.Event) { e.AckBinary(e.Args, e.Attachments) })
		}
		srv.Of("/").OnConnection(connection)
		srv.Of("/x").OnConnection(connection)
		do := func(method, query string, body []byte) string {
			w := httptest.NewRecorder()
			srv.ServeHTTP(w, httptest.NewRequest(method, "/socket.io/?EIO=4&transport=polling"+query, bytes.NewReader(body)))
			b, _ := io.ReadAll(w.Result().Body)
			switch w.Code {
			case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			default:
				t.Fatalf("%s %s: %d", method, query, w.Code)
			}
			return string(b)
		}
		o := do("GET", "", nil)
		sid := "&sid=" + o[9:29]
		if got := do("POST", sid, []byte("4")); strings.Contains(got, "unknown") {
			t.Fatal("the session is not there: ", got)
		}
		sid = "&sid=" + do("GET", "", nil)[9:29]
		for _, step := range bytes.Split(script, []byte("\n")) {
			if len(step) == 0 {
				continue
			}
			switch step[0] {
			case 'P':
				do("POST", sid, step[1:])
			case 'G': // only if it is answered at once
				if polled != nil && polled.Pending() > 0 {
					do("GET", sid, nil)
				}
			case 'B':
				do("PUT", sid, step[1:])
			case 'C':
				if last != nil {
					last.Cut()
				}
			case 'D':
				if last != nil {
					last.Disconnect(len(step) > 1)
				}
			case 'Q':
				if last != nil {
					last.Ask("q", nil, time.Minute, func(*socketio.Event, error) {})
				}
			case 'A':
				_ = srv.Of("/").Emit("all", "x")
			case 'X':
				sid, polled = "&sid="+do("GET", "", nil)[9:29], nil
			}
			if last != nil && last.Pending() > 20_000 {
				t.Fatalf("%d bytes wait", last.Pending())
			}
		}
		srv.Close()
		if n := srv.Engine().Len() + srv.Of("/").Len() + srv.Of("/x").Len(); n != 0 {
			t.Fatalf("%d are left", n)
		}
	})
}

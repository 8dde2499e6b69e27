package socketio_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/socketio"
)

func TestI8_MiddlewaresRunAgainAndAllowDecides(t *testing.T) {
	cfg := recovering()
	cfg.Recovery.Allow = func(old, fresh *socketio.Socket) bool { return old.Data == fresh.Data }
	r := newRig(t, cfg)
	sockets := watching(r)
	r.srv.Of("/").Use(func(s *socketio.Socket) error {
		auth := string(s.Handshake().Auth)
		switch {
		case strings.Contains(auth, "expired"):
			return errors.New("token_expired")
		case strings.Contains(auth, "ann"):
			s.Data = "ann"
		default:
			s.Data = "eve"
		}
		return nil
	})
	c, ann := r.connect(`{"token":"ann"}`)
	s := receive(t, sockets)
	c.closeWith(1006)
	s.want(t, "away: transport close 1006")

	c = r.dial() // not without a valid token
	c.send(`40{"token":"expired","pid":"` + ann.PID + `","offset":"0"}`)
	c.want(`44{"message":"token_expired"}`)
	_, eve := r.connect(`{"token":"eve","pid":"` + ann.PID + `","offset":"0"}`) // not as somebody else
	if eve.SID == ann.SID || !s.Away() {
		t.Fatal("somebody else's session was taken")
	}
	if other := receive(t, sockets); other.Replaces() != nil {
		t.Error("the stranger replaces the session")
	}
	_, again := r.connect(`{"token":"ann","new":1,"pid":"` + ann.PID + `","offset":"0"}`)
	s.want(t, "back")
	if again != ann || !strings.Contains(string(s.Handshake().Auth), "new") || s.Data != "ann" {
		t.Error("not recovered")
	}
}

func TestI8_TakingOverClosesTheOldTransport(t *testing.T) {
	r := newRig(t, recovering())
	sockets := watching(r)
	old, id := r.connect("")
	s := receive(t, sockets)
	_ = s.Emit("a")
	c, again := r.connect(rejoin(id, "0"))
	if again != id {
		t.Fatal("not recovered")
	}
	c.want(`42["a","1"]`)
	old.wantClosed(1001)
	s.want(t, "back")
	_ = s.Emit("b")
	c.want(`42["b","2"]`)
	if len(s.log) != 0 {
		t.Errorf("%q", <-s.log)
	}
}

package signaling

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// expiring is an identity whose token runs out after d.
func expiring(user string, d time.Duration) *auth.Identity {
	return &auth.Identity{User: user, Expires: time.Now().Add(d)}
}

func TestI3_ExpiringThenClosed(t *testing.T) {
	play(t, nil, func(w *world) {
		a, b := w.joinAs("A1", expiring("a", 3*time.Minute)), w.joinAs("b1", expiring("b", 3*time.Minute))
		for _, c := range []*client{a, b} { // as a dialect does it
			c.onClose = func(wire.CloseCode) { c.sess.Closed(false) }
			c.take()
		}
		w.pass(119 * time.Second)
		a.gets()
		w.pass(1100 * time.Millisecond)
		if got := a.take(); len(got) != 1 || got[0][:15] != `auth:expiring {` {
			t.Errorf("a minute before: %q", got)
		}
		b.gets() // base clients do not know it
		w.pass(58 * time.Second)
		if len(a.closes())+len(b.closes()) != 0 {
			t.Fatal("closed before the token ran out")
		}
		w.pass(2 * time.Second)
		a.gets() // warned once only
		for _, c := range []*client{a, b} {
			if got := c.closes(); len(got) != 1 || got[0] != wire.CloseTokenExpired {
				t.Errorf("%s closed with %v, want token_expired once", c.name, got)
			}
		}
		if n := w.sw.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestI3_Refresh(t *testing.T) {
	verify := func(_ context.Context, token string) (*auth.Identity, error) {
		switch token {
		case "good":
			return expiring("a", 10*time.Minute), nil
		case "forever":
			return identity("a"), nil
		case "other":
			return identity("b"), nil
		case "old":
			return nil, auth.ErrTokenExpired
		}
		return nil, errors.New("internal text that must not leak")
	}
	play(t, func(s *setup) { s.verify = verify }, func(w *world) {
		a := w.joinAs("A1", expiring("a", 2*time.Minute))
		a.take()
		w.pass(61 * time.Second)
		a.hears("auth:expiring")
		eq(t, "other user's", a.ask("auth:refresh", `{"token":"other"}`), "!identity_mismatch")
		eq(t, "expired", a.ask("auth:refresh", `{"token":"old"}`), "!token_expired")
		eq(t, "broken", a.ask("auth:refresh", `{"token":"?"}`), "!internal")
		eq(t, "none", a.ask("auth:refresh", `{}`), "!bad_payload")
		eq(t, "good", a.ask("auth:refresh", `{"token":"good"}`), fmt.Sprintf(`{"expiresAt":%d}`, time.Now().Add(10*time.Minute).UnixMilli()))
		w.pass(5 * time.Minute)
		a.gets()
		w.pass(4*time.Minute + time.Second)
		a.hears("auth:expiring")
		eq(t, "without an end", a.ask("auth:refresh", `{"token":"forever"}`), `{"expiresAt":null}`)
		w.pass(11 * time.Minute)
		a.gets()
		if got := a.closes(); len(got) != 0 {
			t.Errorf("closed %v", got)
		}
	})
}

func TestI3_TokenThatRunsOutWhileAway(t *testing.T) {
	play(t, nil, func(w *world) {
		a := w.joinAs("A1", expiring("a", 30*time.Second))
		a.sess.Away()
		w.pass(31 * time.Second)
		if got := a.closes(); len(got) != 1 || got[0] != wire.CloseTokenExpired {
			t.Errorf("closed %v, want token_expired", got)
		}
	})
}

func TestC15_TokenThatMayNotCall(t *testing.T) {
	for _, c := range []struct {
		can  []string
		want string
	}{
		{nil, `{"callId":"#1","state":"ringing"}`},
		{[]string{"call"}, `{"callId":"#1","state":"ringing"}`},
		{[]string{"*"}, `{"callId":"#1","state":"ringing"}`},
		{[]string{}, "!forbidden"},
		{[]string{"message"}, "!forbidden"},
	} {
		play(t, nil, func(w *world) {
			b := w.all("b1")[0]
			a := w.joinAs("A1", &auth.Identity{User: "a", Can: c.can})
			eq(t, fmt.Sprintf("can %v", c.can), a.ask("call:user", ringing("b", offer(1))), c.want)
			if c.want == "!forbidden" {
				a.gets(`call:unavailable {"reason":"You can not call this user","code":"forbidden","callId":"#1"}`)
				b.gets()
				w.nobodyBusy("a", "b")
			}
		})
	}
}

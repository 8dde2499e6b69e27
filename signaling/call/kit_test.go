package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var t0 = time.UnixMilli(1_700_000_000_000)

func sdp(typ string, session, version int) Signal {
	return SignalInfo(fmt.Appendf(nil, `{"type":%q,"sdp":"v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"}`, typ, session, version))
}

func cand(n int) Signal {
	return SignalInfo(fmt.Appendf(nil, `{"type":"candidate","candidate":{"candidate":"candidate:%d 1 udp","sdpMid":"0"}}`, n))
}

func opaque(s string) Signal { return SignalInfo(fmt.Appendf(nil, `{"x":%q}`, s)) }

// dev names a device: its first letter is the user's name. "A…" speaks the
// extended profile, "a…" the base one; both belong to user "a".
func dev(name string) Who {
	return Who{User: strings.ToLower(name[:1]), Device: name, Session: "s-" + name, Extended: name[0] < 'a'}
}

func devs(names ...string) (out []Who) {
	for _, n := range names {
		out = append(out, dev(n))
	}
	return out
}

// show writes effects in one line each: kind(details)>user:devices.
func show(fx []Effect) string {
	var out []string
	for _, e := range fx {
		s := e.Kind.String()
		var d []string
		switch e.Kind {
		case EffectState:
			d = append(d, e.State.String())
		case EffectPeer:
			d = append(d, map[bool]string{true: "reconnecting", false: "back"}[e.Away])
		case EffectRinging:
			d = append(d, fmt.Sprint(e.Count))
		}
		if e.Reason != "" {
			d = append(d, string(e.Reason))
		}
		if e.Next != "" {
			d = append(d, "next="+e.Next)
		}
		for flag, on := range map[string]bool{"glare": e.Glare, "again": e.Again, "quiet": e.BaseSilent, "resumed": e.Resumed} {
			if on {
				d = append(d, flag)
			}
		}
		if len(e.Items) > 0 {
			d = append(d, fmt.Sprintf("%d items", len(e.Items)))
		}
		if len(d) > 0 {
			s += "(" + strings.Join(d, " ") + ")"
		}
		switch e.To.Scope {
		case ToAll:
			s += ">" + e.To.User
		case ToDevice:
			s += ">" + e.To.Device
		case ToDevices:
			s += ">" + strings.Join(e.To.Devices, "+")
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

const (
	over = "release\nlog"
)

// endState is what every end of a live call brings besides the telling.
func endState(r Reason) string {
	return fmt.Sprintf("state(ended %s)>a\nstate(ended %s)>b\n%s", r, r, over)
}

func lines(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "\n")
}

// script drives one call.
type script struct {
	t   *testing.T
	c   Call
	now time.Time
	fx  []Effect // of the last step
}

func ring(t *testing.T, caller string, callee ...string) *script {
	t.Helper()
	return ringWith(t, DefaultConfig(), func(r *Ring) {
		r.Caller = dev(caller)
		r.Devices = devs(callee...)
	})
}

func ringWith(t *testing.T, cfg Config, f func(*Ring)) *script {
	t.Helper()
	r := Ring{ID: "c1", Caller: dev("A1"), Callee: "b", Signal: sdp("offer", 1, 1)}
	f(&r)
	s := &script{t: t, now: t0}
	s.c, s.fx = New(cfg, r, s.now)
	return s
}

func answered(t *testing.T, caller string, by string, others ...string) *script {
	t.Helper()
	s := ring(t, caller, append([]string{by}, others...)...)
	s.do(Answer{dev(by), sdp("answer", 2, 1)})
	return s
}

func (s *script) step(in Input) error {
	s.t.Helper()
	before, snapshot := s.c, encoded(s.c)
	c, fx, err := Step(s.c, in, s.now)
	if got := encoded(before); got != snapshot {
		s.t.Fatalf("%T changed the version it was given:\n%s\n%s", in, snapshot, got)
	}
	if c.Version == s.c.Version && encoded(c) != snapshot {
		s.t.Fatalf("%T changed the call and not its version", in)
	}
	if c.Version == s.c.Version && len(fx) > 0 {
		s.t.Fatalf("%T has effects and no new version", in)
	}
	s.c, s.fx = c, fx
	return err
}

func (s *script) do(in Input) *script {
	s.t.Helper()
	if err := s.step(in); err != nil {
		s.t.Fatalf("%T: %v", in, err)
	}
	return s
}

func (s *script) fail(in Input, want error) *script {
	s.t.Helper()
	if err := s.step(in); !errors.Is(err, want) {
		s.t.Fatalf("%T: error %v, want %v", in, err, want)
	}
	return s
}

func (s *script) want(parts ...string) *script {
	s.t.Helper()
	if got, want := show(s.fx), lines(parts...); got != want {
		s.t.Fatalf("effects:\n%s\nwant:\n%s", got, want)
	}
	return s
}

func (s *script) state(st State, r Reason) *script {
	s.t.Helper()
	if s.c.State != st || s.c.Reason != r {
		s.t.Fatalf("call is %v %q, want %v %q", s.c.State, s.c.Reason, st, r)
	}
	return s
}

func (s *script) after(d time.Duration) *script {
	s.now = s.now.Add(d)
	return s
}

func encoded(c Call) string { return string(AppendCall(nil, &c)) }

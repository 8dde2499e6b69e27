package signaling

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// beat is one call of Link.Heartbeat.
type beat struct{ every, timeout time.Duration }

// fakeLink is a client's end that remembers. What is queued counts as received
// only once it was flushed.
type fakeLink struct {
	mu       sync.Mutex
	queued   []*wire.Event
	received []*wire.Event
	total    int // events ever queued
	flushes  int
	beats    []beat
	closed   []wire.CloseCode
	onClose  func(wire.CloseCode)
	onSend   func() // called, once, with the first event
	onBeat   func() // called, once, before the next change of the heartbeat is noted
}

func (l *fakeLink) Send(ev *wire.Event) {
	l.mu.Lock()
	l.queued = append(l.queued, ev)
	l.total++
	f := l.onSend
	l.onSend = nil
	l.mu.Unlock()
	if f != nil {
		f()
	}
}

func (l *fakeLink) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received = append(l.received, l.queued...)
	l.queued = nil
	l.flushes++
}

func (l *fakeLink) Heartbeat(every, timeout time.Duration) {
	l.mu.Lock()
	f := l.onBeat
	l.onBeat = nil
	l.mu.Unlock()
	if f != nil {
		f()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beats = append(l.beats, beat{every, timeout})
}

func (l *fakeLink) Close(why wire.CloseCode) {
	l.mu.Lock()
	l.closed = append(l.closed, why)
	f := l.onClose
	l.mu.Unlock()
	if f != nil {
		f(why)
	}
}

func (*fakeLink) Peer() string { return "127.0.0.1:1" }

// client is one device of a user. Upper-case names are extended devices: "A1"
// is an extended device of user "a", "a1" a base one.
type client struct {
	*fakeLink
	w    *world
	name string
	sess *Session
}

// identity of a device's user.
func identity(user string) *auth.Identity { return &auth.Identity{User: user} }

// join connects a device.
func (w *world) join(name string) *client {
	w.t.Helper()
	return w.joinAs(name, identity(strings.ToLower(name[:1])))
}

func (w *world) joinAs(name string, id *auth.Identity) *client {
	w.t.Helper()
	c, err := w.tryJoin(name, id)
	if err != nil {
		w.t.Fatalf("%s could not join: %v", name, err)
	}
	return c
}

func (w *world) tryJoin(name string, id *auth.Identity) (*client, error) {
	w.mu.Lock()
	w.n++
	sid := fmt.Sprintf("sid%d", w.n)
	sw := w.nodes[w.n%len(w.nodes)]
	w.mu.Unlock()
	c := &client{w: w, name: name, fakeLink: &fakeLink{}}
	s, err := sw.Open(w.t.Context(), c.fakeLink, id, Hello{
		SessionID: sid, Device: name, Extended: name[0] < 'a', Dialect: "test",
	})
	c.sess = s
	return c, err
}

// all joins several devices and forgets what they were told at first.
func (w *world) all(names ...string) []*client {
	w.t.Helper()
	list := make([]*client, len(names))
	for i, n := range names {
		list[i] = w.join(n)
	}
	for _, c := range list {
		c.take()
	}
	return list
}

// answer is what a Replier was told.
type answer struct {
	ack   string
	fail  *wire.Problem
	count int
}

func (a *answer) Ack(args []byte)      { a.ack, a.count = string(args), a.count+1 }
func (a *answer) Fail(p *wire.Problem) { a.fail, a.count = p, a.count+1 }
func (a *answer) Later() Replier       { return a }

// receive gives the session an event as a dialect does: the buffers are spoiled
// afterwards, so that whoever kept one shows.
func (c *client) receive(event string, reply Replier, args ...string) {
	r := Request{Event: []byte(event), Reply: reply}
	for _, a := range args {
		r.Args = append(r.Args, []byte(a))
	}
	c.sess.Receive(&r)
	for _, b := range r.Args {
		for i := range b {
			b[i] = '!'
		}
	}
}

// emit sends one event without an acknowledgement.
func (c *client) emit(event string, args ...string) {
	c.receive(event, nil, args...)
	c.sess.Idle()
	c.w.settle()
}

// ask sends one event and returns the acknowledgement: its arguments, or
// "!code".
func (c *client) ask(event string, args ...string) string {
	c.w.t.Helper()
	var a answer
	c.receive(event, &a, args...)
	c.sess.Idle()
	c.w.settle()
	if a.count != 1 {
		c.w.t.Fatalf("%s: %s was answered %d times, want once", c.name, event, a.count)
	}
	if a.fail != nil {
		return "!" + string(a.fail.Code)
	}
	return c.w.plain(a.ack)
}

// takeAll takes what the client has received, one "name args" each.
func (c *client) takeAll() []string {
	c.w.settle()
	c.mu.Lock()
	evs := c.received
	c.received = nil
	queued := len(c.queued)
	c.mu.Unlock()
	if queued > 0 {
		c.w.t.Errorf("%s: %d events were queued and not flushed", c.name, queued)
	}
	var out []string
	for _, ev := range evs {
		out = append(out, c.w.plain(ev.Name+" "+string(ev.Args)))
	}
	return out
}

// take is takeAll without the online lists.
func (c *client) take() []string {
	var out []string
	for _, s := range c.takeAll() {
		if !strings.HasPrefix(s, wire.GetOnlineUsers+" ") {
			out = append(out, s)
		}
	}
	return out
}

// gets checks what the client received since it was last looked at, exactly.
func (c *client) gets(want ...string) {
	c.w.t.Helper()
	c.compare(c.take(), want)
}

func (c *client) compare(got, want []string) {
	c.w.t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		c.w.t.Errorf("%s received\n\t%s\nwant\n\t%s", c.name, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// hears is gets with the names of the events only.
func (c *client) hears(want ...string) {
	c.w.t.Helper()
	got := c.take()
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], " ")
	}
	c.compare(got, want)
}

func (c *client) lastBeat() beat {
	c.w.settle()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.beats) == 0 {
		return beat{}
	}
	return c.beats[len(c.beats)-1]
}

func (c *client) closes() []wire.CloseCode {
	c.w.settle()
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]wire.CloseCode(nil), c.closed...)
}

// offer and reply are signals of a media session.

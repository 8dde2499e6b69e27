package signaling

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Session is one client of one user, from its hello to its end. It outlives a
// lost socket for the resume window: then it is away, and its link keeps what
// must arrive.
//
// A dialect calls Receive and Idle from the goroutine that reads the client, and
// Away, Back and Closed from any.
type Session struct {
	// fixed at Open
	sw       *Switchboard
	link     Link
	id       string
	user     string
	device   string
	dialect  string
	extended bool
	came     bool            // from another node
	name     string          // display name of the token, or ""
	profile  json.RawMessage // profile of the token, or nil
	can      []string        // nil: everything

	// t is the turn of the batch that is being read; who works on it takes it
	// out. limits is made when the first event comes.
	t       atomic.Pointer[turn]
	limits  atomic.Pointer[limits]
	jobs    jobs
	lagging atomic.Pointer[lagging] // what a base device hears a moment later
	// inquiry is a call that waits for its permission; guarded by mu.
	inquiry *inquiry
	blocks  *blockEntry // of its user; nil where nobody keeps any; fixed at Open
	// recalled: the partners of old were looked up, or are being.
	recalled atomic.Bool

	// shift lets one change of state follow the other, with what the calls and the
	// cluster hear of it: a device that is back was away before. It is locked
	// before everything else, and not while sockets are flushed.
	shift sync.Mutex

	// listing lets one list of who is online follow the other. It is locked before
	// mu, and while a list is queued.
	listing sync.Mutex
	listed  uint64 // when what the list was made of was asked for; online.asked counts

	holding sync.Mutex // of the heartbeat; held while the link hears of it
	holders []string   // live calls that want it fast; guarded by holding

	mu       sync.Mutex
	state    state
	moved    bool            // closed, because it goes on on another node
	arriving bool            // comes from another node: its calls are not known yet
	heard    []heardOf       // of a session that came from another node, the latest last
	typing   []*typist       // whom the user was last seen typing to
	watching map[string]bool // presence:watch
	partners []string        // whom the session had to do with, the latest last
	receipts []receipt       // messages that it got while it was away
	// wholeList: the client was last sent the whole online list.
	wholeList bool
	toldList  uint64  // hash of the list of partners that it was last sent
	expiry    *expiry // of the token
}

type state uint8

const (
	live state = iota
	away
	closed
)

// ID is the session's id.
func (s *Session) ID() string { return s.id }

// Device is the id of the device, which outlives the session.
func (s *Session) Device() string { return s.device }

// User is whose session it is.
func (s *Session) User() string { return s.user }

// Extended reports whether the client knows the extended profile.
func (s *Session) Extended() bool { return s.extended }

// Admit says whether one more device of the user may connect. Dialects ask
// before they greet the client; Open asks again.
func (sw *Switchboard) Admit(user, device string) error {
	n := 0
	for _, s := range sw.hub.of(user) {
		if s.device != device {
			n++
		}
	}
	// A node that can not ask lets a device in rather than shut it out.
	others, _ := sw.elsewhere(context.Background(), user)
	for i := range others {
		if o := &others[i]; o.Device != device && !o.Away && !sw.mine(o) {
			n++
		}
	}
	if n >= sw.cfg.SessionsPerUser {
		return wire.Errorf(wire.CodeTooManySessions, "")
	}
	if sw.draining.Load() {
		return wire.Errorf(wire.CodeUnavailable, "")
	}
	return nil
}

// Open registers a client that was authenticated and greeted. What concerns it
// is queued on the link before Open returns: the online list, and the calls of
// its user that ring or that its device is in. A session that was moved and has
// missed too much on the way is refused with wire.CodeUnavailable: its client is
// to be cut, and starts anew as the same device.
func (sw *Switchboard) Open(ctx context.Context, link Link, id *auth.Identity, h Hello) (*Session, error) {
	s := &Session{
		sw: sw, link: link, id: h.SessionID, user: id.User, device: h.Device, dialect: h.Dialect,
		extended: h.Extended, name: id.Name, profile: id.Profile.JSON(), can: id.Can, arriving: h.Moved, came: h.Moved,
	}
	if s.device == "" {
		s.device = s.id
	}
	limit := sw.cfg.SessionsPerUser
	if h.Moved {
		limit = math.MaxInt // it was admitted where it was
	}
	if h.Moved && !sw.comes(s.user, s.device, true) {
		return nil, errMissed
	}
	s.partners = h.Luggage.Partners[max(0, len(h.Luggage.Partners)-maxPartners):]
	sw.enterBlocks(s) // before others find the session
	old, ok := sw.hub.add(s, limit)
	if !ok {
		sw.leaveBlocks(s)
		return nil, wire.Errorf(wire.CodeTooManySessions, "")
	}
	sw.comes(s.user, s.device, false)
	sw.register(ctx, s)
	sw.awaitBlocks(s)
	if old != nil { // the same device came back without its session
		old.replaced(ctx)
	}
	sw.evictElsewhere(ctx, s)
	s.armExpiry(id.Expires)
	sw.metrics.opened(s)

	t := sw.newTurn()
	sw.enter(ctx, t, s, h.Moved, h.Luggage.Watching)
	t.end()
	if sw.shared && sw.arrivedHere(s.user, s.device) {
		s.end()
	}
	return s, nil
}

// register makes a session known to the cluster as it stands now.
func (sw *Switchboard) register(ctx context.Context, s *Session) {
	err := sw.store.Add(ctx, s.presence())
	if err == nil {
		switch s.now() {
		case live:
		case away:
			err = sw.store.Suspend(ctx, s.user, s.id)
		case closed: // meanwhile: who closed it may have done so before
			err = sw.store.Remove(ctx, s.user, s.id, presence.Vanished)
		}
	}
	if err != nil {
		sw.log.Warn("presence refused a session", "session", s.id, "user", s.user, "error", err)
	}
}

// evictElsewhere ends the sessions that the device has left on other nodes.
func (sw *Switchboard) evictElsewhere(ctx context.Context, s *Session) {
	list, err := sw.elsewhere(ctx, s.user)
	if err != nil {
		return
	}
	for i := range list {
		if o := &list[i]; o.Device == s.device && o.ID != s.id && !sw.mine(o) {
			if err := sw.store.Send(o.Owner(), kindEvict, presence.Must, evictPayload(o.User, o.ID), nil); err != nil {
				sw.log.Debug("a replaced session could not be ended", "session", o.ID, "node", o.Node, "error", err)
			}
		}
	}
}

func (s *Session) presence() presence.Session {
	return presence.Session{ID: s.id, User: s.user, Device: s.device, Extended: s.extended}
}

// Receive handles one event of the client.
func (s *Session) Receive(r *Request) {
	t := s.t.Swap(nil)
	if t == nil {
		t = s.sw.newTurn()
	}
	s.sw.dispatch(t, s, r)
	st := s.now()
	if st == closed && !s.movedAway() {
		// It ended while the event was handled: a call that it has just placed
		// or answered would have nobody to end it (C4).
		s.sw.deviceGone(context.Background(), t, s, false)
	}
	// A socket that was just replaced may still be read from for a moment, so
	// that two goroutines are here; and one that was closed gets no Idle.
	if st != live || !s.t.CompareAndSwap(nil, t) {
		t.end()
	}
}

// Idle says that all that had been read is handled: what it caused is flushed.
func (s *Session) Idle() {
	if t := s.t.Swap(nil); t != nil {
		t.end()
	}
}

// Away says that the client's connection is lost and that it may come back
// within the resume window (C9).
func (s *Session) Away() {
	ctx, sw := context.Background(), s.sw
	t := sw.newTurn()
	defer t.end()
	s.shift.Lock()
	defer s.shift.Unlock()
	if !s.turns(live, away) || sw.leaving.Load() {
		return
	}
	s.stopAllTyping(t)
	if err := sw.store.Suspend(ctx, s.user, s.id); err != nil {
		sw.log.Warn("presence kept a lost session", "session", s.id, "user", s.user, "error", err)
	}
	sw.deviceAway(ctx, t, s)
}

// Back says that the client is connected again; its link has sent it what it
// missed. It was away, or its old socket seemed to be good still: what was dropped
// on the way to that is told as it is now.
func (s *Session) Back() {
	ctx, sw := context.Background(), s.sw
	t := sw.newTurn()
	defer t.end()
	s.shift.Lock()
	defer s.shift.Unlock()
	if s.turns(away, live) {
		sw.register(ctx, s)
	} else if !s.isLive() {
		return
	}
	sw.enter(ctx, t, s, true, s.watches())
	s.gotAll()
}

// Closed says that the client is gone for good: it said goodbye (clean), or its
// resume window is over.
func (s *Session) Closed(clean bool) {
	ctx, sw := context.Background(), s.sw
	t := sw.newTurn()
	defer t.end()
	s.shift.Lock()
	defer s.shift.Unlock()
	if !s.finish() {
		return
	}
	if sw.leaving.Load() {
		s.disarmExpiry()
		return
	}
	how := presence.Vanished
	if clean {
		how = presence.Clean
	}
	if err := sw.store.Remove(ctx, s.user, s.id, how); err != nil {
		sw.log.Warn("presence kept a closed session", "session", s.id, "user", s.user, "error", err)
	}
	s.release(ctx, t)
	sw.deviceGone(ctx, t, s, clean)
}

// replaced ends a session whose device has connected anew: its calls go on
// with the new session.
func (s *Session) replaced(ctx context.Context) {
	if !s.finish() {
		return
	}
	if err := s.sw.store.Remove(ctx, s.user, s.id, presence.Vanished); err != nil {
		s.sw.log.Warn("presence kept a replaced session", "session", s.id, "user", s.user, "error", err)
	}
	t := s.sw.newTurn()
	s.release(ctx, t)
	t.end()
	s.link.Close(wire.CloseReplaced)
}

// end ends a session for a back end, for good.
func (s *Session) end() {
	s.Closed(true) // also one that is away
	s.link.Close(wire.CloseDisconnected)
}

// turns changes the state, if it is the one given.
func (s *Session) turns(from, to state) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != from {
		return false
	}
	s.state = to
	return true
}

// finish makes the session closed, once.
func (s *Session) finish() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed {
		return false
	}
	s.state = closed
	return true
}

// release takes a finished session out of everything but calls.
func (s *Session) release(ctx context.Context, t *turn) {
	sw := s.sw
	sw.hub.remove(s)
	s.dropInquiry(t)
	sw.leaveBlocks(s)
	s.stopAllTyping(t)
	s.disarmExpiry()
	s.unwatchAll(ctx)
	sw.metrics.closed(s)
}

// isLive reports whether the client is connected now.
func (s *Session) isLive() bool { return s.now() == live }

func (s *Session) now() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// send queues an event for the client.
func (s *Session) send(t *turn, ev *wire.Event) {
	if s.holds(t, ev) {
		return
	}
	s.link.Send(ev)
	t.touch(s.link)
}

// allowed reports whether the token lets the session do what (C15: a token
// without a list may do everything).
func (s *Session) allowed(what string) bool {
	return (&auth.Identity{Can: s.can}).May(what)
}

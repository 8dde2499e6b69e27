package jsonws

import (
	"encoding/base64"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// maxBadFrames is how many frames in a row a client may send that are none of
// this protocol before its socket is closed.
const maxBadFrames = 100

// A link is one client's session in this dialect. It is the signaling.Link of
// the switchboard and the wsconn.Handler of the socket that it has, if any.
type link struct {
	// fixed once started
	srv               *Server
	sid, user, device string
	sess              *signaling.Session

	bad atomic.Int32 // frames in a row that were none; the old socket may be read beside the new one

	unproven atomic.Pointer[unproven] // the last take-over; changes with mu held, but for proves

	mu     sync.Mutex
	conn   *wsconn.Conn // nil while the client is away
	gone   bool         // over for good
	token  resumeSecret // of the resume token in the last hello
	replay replay
	timer  wheel.Timer // of the heartbeat, or of the resume window
	every  time.Duration
	wait   time.Duration // without a sign of life: vanished
	final  *wire.CloseCode
}

var (
	_ signaling.Link = (*link)(nil)
	_ wsconn.Handler = (*link)(nil)
)

// greet queues the hello of a new session.
func (l *link) greet() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.every, l.wait = l.srv.cfg.PingInterval, l.srv.cfg.PingInterval+l.srv.cfg.PingTimeout
	l.token = freshSecret()
	l.helloLocked(false)
}

// started gives the link its session and begins the heartbeat.
func (l *link) started(s *signaling.Session) {
	l.mu.Lock()
	l.sess = s
	gone := l.gone
	if !gone {
		l.srv.cfg.Wheel.Schedule(&l.timer, l.every, l)
	}
	l.mu.Unlock()
	if gone { // the server was closed meanwhile
		s.Closed(false)
	}
}

// helloLocked queues the first frame of a socket. Behind one that says resumed
// goes a ping: its answer says that the client has the new resume token.
func (l *link) helloLocked(resumed bool) {
	cfg := &l.srv.cfg
	b := make([]byte, 0, 448)
	b = append(b, `{"event":"hello","args":[{"sid":`...)
	b = rawjson.AppendString(b, l.sid)
	b = append(b, `,"user":`...)
	b = rawjson.AppendString(b, l.user)
	b = append(b, `,"device":`...)
	b = rawjson.AppendString(b, l.device)
	b = append(b, `,"resumed":`...)
	b = strconv.AppendBool(b, resumed)
	b = append(b, `,"resumeToken":"`...)
	b = append(b, l.sid...)
	b = append(b, '.')
	b = base64.RawURLEncoding.AppendEncode(b, l.token[:])
	b = append(b, '.')
	b = append(b, signaling.Seal(cfg.Key, l.user, l.device)...)
	b = append(b, `","resumeWindowMs":`...)
	b = strconv.AppendInt(b, cfg.ResumeWindow.Milliseconds(), 10)
	b = append(b, `,"node":`...)
	b = rawjson.AppendString(b, cfg.Node)
	b = append(b, `,"serverTime":`...)
	b = strconv.AppendInt(b, cfg.Now().UnixMilli(), 10)
	b = append(b, `,"pingIntervalMs":`...)
	b = strconv.AppendInt(b, cfg.PingInterval.Milliseconds(), 10)
	b = append(b, `,"maxPayload":`...)
	b = strconv.AppendInt(b, cfg.WS.MaxMessage, 10)
	b = append(b, `}]}`...)
	l.conn.Queue(wsconn.MustArrive, false, b)
	if resumed {
		l.conn.QueuePing()
	}
}

// takeOver moves the link to a new socket, if the token is right (known) and
// nothing that the client missed is lost (whole).
func (l *link) takeOver(conn *wsconn.Conn, text string, lastSeq uint64) (known, whole bool) {
	given, ok := parseSecret(text)
	if !ok {
		return false, false
	}
	l.mu.Lock()
	ok, again := l.acceptLocked(conn, &given)
	if !ok {
		l.mu.Unlock()
		return false, false
	}
	missed, ok := l.replay.after(lastSeq)
	if !ok {
		l.spendLocked()
		l.mu.Unlock()
		return true, false
	}
	old := l.conn
	l.conn = conn
	l.helloLocked(true)
	for _, m := range missed {
		conn.Queue(wsconn.MustArrive, false, m.frame)
	}
	l.srv.cfg.Wheel.Schedule(&l.timer, l.every, l)
	l.mu.Unlock()
	leave(old, again)
	l.sess.Back()
	return true, true
}

// leave closes the socket that another one has taken the place of. Its client is
// told to stay away, unless the other one may be a late try of the same client
// with the same token: then it may come back with what it has read.
func leave(old *wsconn.Conn, again bool) {
	switch {
	case old == nil:
	case again:
		old.Abort(errTriedAgain)
	default:
		old.Close(wire.CloseReplaced.Code, wire.CloseReplaced.Reason)
	}
}

var errTriedAgain = errors.New("jsonws: its client came again before it was heard here")

// Send queues an event and, if it must arrive, keeps it for a resume.
func (l *link) Send(ev *wire.Event) {
	if l.queue(ev) {
		return
	}
	if sess := l.session(); sess != nil { // nothing, unless it has moved
		sess.Stray(ev)
	}
}

// queue is Send; false: the link is over.
func (l *link) queue(ev *wire.Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return false
	}
	if ev.Lane == wire.Droppable {
		switch {
		case l.conn == nil:
		case ev.Shared:
			l.conn.QueueFrame(wsconn.Droppable, ev.Encoded(wire.PlainJSON, encodeShared).(*wsconn.Frame))
		default:
			var buf [256]byte
			l.conn.Queue(wsconn.Droppable, false, appendEvent(buf[:0], ev, 0))
		}
		return true
	}
	frame := l.replay.add(ev, l.srv.cfg.Now(), &l.srv.cfg)
	if l.conn != nil {
		l.conn.Queue(wsconn.MustArrive, false, frame)
	}
	return true
}

func (l *link) session() *signaling.Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sess
}

func encodeShared(ev *wire.Event) any {
	return wsconn.NewFrame(false, appendEvent(make([]byte, 0, len(ev.Args)+64), ev, 0))
}

// Flush puts what is queued on its way, once the session is there: a client
// that has its hello may come back with its resume token at once.
func (l *link) Flush() {
	l.mu.Lock()
	c := l.conn
	if l.sess == nil {
		c = nil
	}
	l.mu.Unlock()
	if c != nil {
		c.Flush()
	}
}

// inUse reports whether the link has a socket, and is not to end with it.
func (l *link) inUse() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil && l.final == nil
}

func (l *link) socket() *wsconn.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// Heartbeat changes how often the client is pinged.
func (l *link) Heartbeat(every, timeout time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if every == 0 {
		every, timeout = l.srv.cfg.PingInterval, l.srv.cfg.PingInterval+l.srv.cfg.PingTimeout
	}
	sooner := every < l.every
	l.every, l.wait = every, timeout
	if sooner && l.conn != nil && !l.gone { // else the timer comes early enough
		l.srv.cfg.Wheel.Schedule(&l.timer, every, l)
	}
}

// Peer is the client's address.
func (l *link) Peer() string {
	if c := l.socket(); c != nil {
		return c.RemoteAddr()
	}
	return ""
}

// Close ends the socket with a reason; a final one ends the link.
func (l *link) Close(why wire.CloseCode) {
	l.mu.Lock()
	c := l.conn
	if why.Final {
		l.final = &why
	}
	l.mu.Unlock()
	if c != nil {
		c.Close(why.Code, why.Reason)
	} else if why.Final {
		l.over(false)
	}
}

// Expire is the heartbeat, or the end of the resume window.
func (l *link) Expire() {
	l.mu.Lock()
	c := l.conn
	if l.gone || c == nil {
		ends := l.endLocked()
		l.mu.Unlock()
		if ends {
			l.ended(false)
		}
		return
	}
	silent := l.srv.cfg.Now().Sub(c.LastRead())
	if silent >= l.wait {
		l.mu.Unlock()
		c.Abort(errPingTimeout)
		return
	}
	next := l.every - silent
	if next <= 0 { // silent for an interval: ask
		c.Ping()
		next = min(l.every, l.wait-silent)
	}
	l.srv.cfg.Wheel.Schedule(&l.timer, next, l)
	l.mu.Unlock()
}

// OnMessage is one frame of the client.
func (l *link) OnMessage(c *wsconn.Conn, binary bool, data []byte) {
	l.proves(c)
	r := requests.Get().(*request)
	defer r.free()
	if binary || !r.frame.parse(data) {
		l.badFrame(c)
		return
	}
	if l.bad.Load() != 0 {
		l.bad.Store(0)
	}
	switch string(r.frame.event) {
	case wire.Seq:
		l.confirm(r.frame.args)
		return
	case wire.Disconnect:
		l.goodbye(c)
		return
	}
	r.conn = c
	r.Event, r.Args, r.Reply = r.frame.event, r.frame.args, nil
	if r.frame.hasID {
		r.Reply = r
	}
	l.sess.Receive(&r.Request)
}

// OnIdle flushes what the batch of frames caused.
func (l *link) OnIdle(*wsconn.Conn) { l.sess.Idle() }

// badFrame answers what is no frame of this protocol. The socket stays open:
// the frames around it are well delimited.
func (l *link) badFrame(c *wsconn.Conn) {
	bad := l.bad.Add(1)
	p := wire.Errorf(wire.CodeBadPayload, `A frame is one JSON object: {"event":"…","args":[…],"id":1}.`)
	c.Queue(wsconn.Droppable, false, appendErrorEvent(nil, p, ""))
	if bad > maxBadFrames {
		c.Close(wire.CloseBadFrame.Code, wire.CloseBadFrame.Reason)
	}
}

// confirm forgets what the client says it has.
func (l *link) confirm(args [][]byte) {
	if len(args) == 0 {
		return
	}
	if n, ok := rawjson.Int64(args[0]); ok && n > 0 {
		l.mu.Lock()
		l.replay.confirm(uint64(n))
		l.mu.Unlock()
	}
}

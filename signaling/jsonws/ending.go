package jsonws

import (
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// How a link loses its socket, and how it ends.

// OnClose says that a socket is gone. If it is not the link's any more, another
// has taken its place.
func (l *link) OnClose(c *wsconn.Conn, cause wsconn.Cause) {
	l.sess.Idle()
	l.mu.Lock()
	if l.conn != c || l.gone {
		l.mu.Unlock()
		return
	}
	l.conn = nil
	final := l.final != nil
	if !final {
		l.srv.cfg.Wheel.Schedule(&l.timer, l.srv.cfg.ResumeWindow, l)
	}
	l.mu.Unlock()
	l.srv.cfg.Logger.Debug("socket closed", "session", l.sid, "user", l.user, "cause", cause.String())
	if final {
		l.over(false)
		return
	}
	// Every client of this dialect can resume, so that no close code is a
	// goodbye (C9): a page that closes and one that reloads look the same.
	l.sess.Away()
	if l.socket() != nil { // it was back before that was said
		l.sess.Back()
	}
}

// goodbye ends the session at once: the client's own wish (C9).
func (l *link) goodbye(c *wsconn.Conn) {
	l.mu.Lock()
	l.final = &wire.CloseNormal
	l.mu.Unlock()
	l.over(true)
	c.Close(wire.CloseNormal.Code, wire.CloseNormal.Reason)
}

// over ends the link for good.
func (l *link) over(clean bool) {
	l.mu.Lock()
	ends := l.endLocked()
	l.mu.Unlock()
	if ends {
		l.ended(clean)
	}
}

// endLocked makes the link gone; false: it was. Whoever calls it calls ended then.
func (l *link) endLocked() bool {
	if l.gone {
		return false
	}
	l.gone = true
	l.replay = replay{}
	l.srv.cfg.Wheel.Stop(&l.timer)
	return true
}

func (l *link) ended(clean bool) {
	l.srv.forget(l)
	if sess := l.session(); sess != nil {
		sess.Closed(clean)
	}
}

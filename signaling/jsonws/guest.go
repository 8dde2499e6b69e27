package jsonws

import (
	"container/list"
	"context"
	"sync/atomic"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// A guest is a socket whose client has yet to say who it is: its first frame is
//
//	{"event":"auth","args":[{"token":…,"userId":…,"deviceId":…,"resume":{"token":…,"lastSeq":…}}],"id":1}
//
// where all members are optional: a cookie, or userId in the query where there
// is no secret, may be all that is needed.
type guest struct {
	srv   *Server
	creds auth.Credentials
	hello hello
	conn  *wsconn.Conn
	timer wheel.Timer
	done  atomic.Bool
	seat  *list.Element // guarded by waiting.mu
}

// wait gives the client HandshakeTimeout, or less if too many wait.
func (g *guest) wait(conn *wsconn.Conn) {
	g.conn = conn
	g.srv.cfg.Wheel.Schedule(&g.timer, g.srv.cfg.HandshakeTimeout, g)
	conn.Start(g)
	if oldest := g.srv.waiting.add(g, g.srv.cfg.MaxHandshakes); oldest != nil {
		oldest.Expire()
	}
}

// Expire closes a socket whose client took too long.
func (g *guest) Expire() {
	if g.finish() {
		g.conn.Close(wire.CloseHandshakeTimeout.Code, wire.CloseHandshakeTimeout.Reason)
	}
}

// finish ends the waiting, once.
func (g *guest) finish() bool {
	if !g.done.CompareAndSwap(false, true) {
		return false
	}
	g.srv.cfg.Wheel.Stop(&g.timer)
	g.srv.waiting.remove(g)
	return true
}

func (g *guest) OnIdle(*wsconn.Conn) {}

func (g *guest) OnClose(*wsconn.Conn, wsconn.Cause) { g.finish() }

func (g *guest) OnMessage(c *wsconn.Conn, binary bool, data []byte) {
	if !g.finish() {
		return
	}
	var f frame
	if binary || !f.parse(data) || string(f.event) != wire.Auth {
		c.SetHandler(g.srv.turnAway(c, wire.Errorf(wire.CodeUnauthorized, "The first frame has to be the auth event.")))
		return
	}
	if len(f.args) > 0 {
		if p := g.read(f.args[0]); p != nil {
			c.SetHandler(g.srv.turnAway(c, p))
			return
		}
	}
	h := g.srv.enter(context.Background(), c, g.creds, g.hello)
	c.SetHandler(h)
	if _, ok := h.(*link); ok && f.hasID {
		c.Queue(wsconn.MustArrive, false, appendAck(nil, f.id, []byte("{}")))
	}
}

// read takes the auth frame's object.
func (g *guest) read(obj []byte) *wire.Problem {
	if rawjson.IsNull(obj) {
		return nil
	}
	bad := false
	str := func(v []byte, dst *string) bool {
		if rawjson.IsNull(v) {
			return true
		}
		s, ok := rawjson.String(v)
		if ok {
			*dst = s
		}
		bad = !ok
		return ok
	}
	err := rawjson.Object(obj, func(k, v []byte) bool {
		switch string(k) {
		case "token":
			return str(v, &g.creds.Token)
		case "userId":
			return str(v, &g.creds.QueryUserID)
		case "deviceId":
			return str(v, &g.hello.device)
		case "resume":
			if rawjson.IsNull(v) {
				return true
			}
			return rawjson.Object(v, func(k, v []byte) bool {
				switch string(k) {
				case "token":
					return str(v, &g.hello.resume)
				case "lastSeq":
					n, ok := rawjson.Int64(v)
					if ok && n >= 0 {
						g.hello.lastSeq = uint64(n)
					}
					bad = !ok || n < 0
					return !bad
				}
				return true
			}) == nil
		}
		return true
	})
	if err != nil || bad {
		return wire.Errorf(wire.CodeBadPayload, "auth takes {token, userId, deviceId, resume:{token, lastSeq}}.")
	}
	return nil
}

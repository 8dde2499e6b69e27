package jsonws

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// inUse says whether a session of the user has a socket here. A token that did
// not resume it is spent: somebody came back with it who is still there, and who
// shows it again must not cut that one off as the same device (I8). While nobody
// is there its seal still names the device: the hello with a fresh token may
// have been lost on its way.
func (s *Server) inUse(user, sid string) bool {
	s.mu.Lock()
	l := s.links[sid]
	s.mu.Unlock()
	return l != nil && l.user == user && l.inUse()
}

// fetch gets the session that a token names from the node where it was, if that
// still has it (C9), and makes its link here. The client has been authenticated;
// the other node checks the token. inUse is the other node's answer to that
// question; nil and false: there is no such session, and the client starts anew
// as the device.
func (s *Server) fetch(ctx context.Context, conn *wsconn.Conn, id *auth.Identity, device string, was *ticket, lastSeq uint64) (_ wsconn.Handler, inUse bool) {
	ask := encodeWant(was, lastSeq)
	got := s.sw.Take(s.ctx, signaling.TakeJSON, id.User, device, signaling.TagOf(was.sid), ask)
	if got == nil || got.Late || got.InUse {
		return nil, got != nil && got.InUse
	}
	l := &link{srv: s, conn: conn, sid: was.sid, user: id.User, device: device}
	missed, err := decodeMissed(got.State)
	if err != nil {
		s.cfg.Logger.Error("a session from another node can not be read", "session", was.sid, "error", err)
		return nil, false
	}
	l.arrive(was, lastSeq, missed)
	return s.open(ctx, l, id, signaling.Hello{Moved: true, Luggage: got.Luggage}), false
}

// arrive queues the hello of a session that goes on here, and what its client
// has missed. The token that it came with was checked where the session was.
func (l *link) arrive(was *ticket, lastSeq uint64, missed [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := &l.srv.cfg
	given, _ := parseSecret(was.secret)
	l.token = given.after(cfg.Key, l.sid)
	l.unproven.Store(&unproven{l.conn, given})
	l.every, l.wait = cfg.PingInterval, cfg.PingInterval+cfg.PingTimeout
	l.helloLocked(true)
	l.replay = replay{seq: lastSeq, dropped: lastSeq}
	now := cfg.Now().Unix()
	for _, frame := range missed {
		l.replay.seq++
		l.replay.kept = append(l.replay.kept, kept{l.replay.seq, now, frame})
		l.replay.bytes += len(frame)
		l.conn.Queue(wsconn.MustArrive, false, frame)
	}
}

// handOver gives a session to the node that its client has come to. The token is
// good there once more, as it would be here, until its client has read the hello.
func (s *Server) handOver(to presence.Peer, user string, ask []byte) *signaling.Taken {
	was, lastSeq, err := decodeWant(ask)
	if err != nil {
		s.cfg.Logger.Error("a question of another node can not be read", "node", to.Name, "error", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, arriveTime)
	s.entrance.Wait(ctx, entranceKey(user, was.sid)) // it may be arriving in this moment
	cancel()
	s.mu.Lock()
	l := s.links[was.sid]
	s.mu.Unlock()
	if l == nil || l.user != user {
		return nil
	}
	ok, again := l.accept(was.secret)
	if !ok {
		if s.inUse(user, was.sid) {
			return &signaling.Taken{InUse: true}
		}
		return nil
	}
	// First the session, so that what comes for it from now on is forwarded.
	sess := l.session()
	luggage, open := sess.Moved(to)
	if !open {
		return nil
	}
	missed, whole := l.export(lastSeq, again)
	if !whole {
		sess.Abandoned()
		return &signaling.Taken{Late: true}
	}
	return &signaling.Taken{Luggage: luggage, State: encodeMissed(missed)}
}

// arriveTime bounds the waiting of another node for a session that arrives here.
const arriveTime = time.Second

// accept checks the secret that a client shows to another node.
func (l *link) accept(text string) (ok, again bool) {
	given, ok := parseSecret(text)
	if !ok {
		return false, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acceptLocked(nil, &given)
}

// export ends a link that goes on elsewhere and returns what its client missed;
// not whole: some of it is lost.
func (l *link) export(lastSeq uint64, again bool) (missed []kept, whole bool) {
	l.mu.Lock()
	if l.gone { // it ended in this moment
		l.mu.Unlock()
		return nil, false
	}
	missed, whole = l.replay.after(lastSeq)
	l.gone = true
	l.replay = replay{}
	l.srv.cfg.Wheel.Stop(&l.timer)
	old := l.conn
	l.mu.Unlock()
	l.srv.forget(l)
	leave(old, again)
	return missed, whole
}

const moveVersion = 1

var errMove = errors.New("jsonws: what another node sent can not be read")

func encodeWant(was *ticket, lastSeq uint64) []byte {
	b := append(make([]byte, 0, len(was.sid)+len(was.secret)+16), moveVersion)
	b = binary.AppendUvarint(b, lastSeq)
	b = binary.AppendUvarint(b, uint64(len(was.sid)))
	b = append(b, was.sid...)
	return append(b, was.secret...)
}

func decodeWant(b []byte) (was ticket, lastSeq uint64, err error) {
	if len(b) == 0 || b[0] != moveVersion {
		return was, 0, errMove
	}
	lastSeq, w := binary.Uvarint(b[1:])
	if w <= 0 {
		return was, 0, errMove
	}
	b = b[1+w:]
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return was, 0, errMove
	}
	b = b[w:]
	return ticket{sid: string(b[:n]), secret: string(b[n:])}, lastSeq, nil
}

func encodeMissed(list []kept) []byte {
	n := 1
	for i := range list {
		n += len(list[i].frame) + binary.MaxVarintLen32
	}
	b := append(make([]byte, 0, n), moveVersion)
	for i := range list {
		b = binary.AppendUvarint(b, uint64(len(list[i].frame)))
		b = append(b, list[i].frame...)
	}
	return b
}

// decodeMissed reads the frames of encodeMissed; each is a JSON object.
func decodeMissed(b []byte) (frames [][]byte, err error) {
	if len(b) == 0 || b[0] != moveVersion {
		return nil, errMove
	}
	for b = b[1:]; len(b) > 0; {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return nil, errMove
		}
		frame := b[w : w+int(n) : w+int(n)]
		if rawjson.Object(frame, func(_, _ []byte) bool { return true }) != nil {
			return nil, errMove
		}
		frames = append(frames, frame)
		b = b[w+int(n):]
	}
	return frames, nil
}

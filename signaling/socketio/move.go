package socketio

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// ByPID returns the socket with that recovery id, given with or without what
// Recovery.Seal adds; nil if there is none.
func (n *Namespace) ByPID(pid string) *Socket {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.pids[bare(pid)]
}

// Arrived waits, as long as ctx lasts, for a client that is becoming the socket
// with that recovery id in this moment, until OnConnection has returned.
func (n *Namespace) Arrived(ctx context.Context, pid string) { n.entrance.Wait(ctx, bare(pid)) }

// Export takes a socket out of this server so that it can go on in another one:
// it ends here with [ReasonMoved], its transport, if there still is one, is
// closed, and what Recovery.Fetch of the other server has to return is in the
// State. offset and given are what that server's hook was told.
//
// late: the client has missed more than is kept. The socket has ended with
// [ReasonReplaced] then, and there is no State. Neither: it was gone already.
func (s *Socket) Export(offset string, given bool) (st *State, late bool) {
	if s.rec == nil {
		return nil, false
	}
	s.life.Lock()   // no OnAway or OnBack is running
	s.life.Unlock() //nolint:staticcheck // it is only waited for
	var before *client
	s.endIf(func() bool {
		if s.state != away && s.state != connected {
			return false
		}
		missed, seen, ok := s.rec.since(offset, given)
		if !ok {
			late = true
			return false
		}
		st = &State{ID: s.id, PID: s.rec.pid, Rooms: s.Rooms(), Seen: seen, Missed: make([]Packet, len(missed))}
		for i := range missed {
			st.Missed[i] = missed[i].packet()
		}
		before = s.client.Load()
		return true
	}, ReasonMoved, engine.Close{Reason: engine.ReasonForced})
	if late {
		before = s.client.Load()
		s.end(ReasonReplaced, engine.Close{Reason: engine.ReasonForced})
	}
	if before != nil {
		before.es.Abort()
	}
	return st, late
}

// packet is a kept packet for another server.
func (k *kept) packet() Packet {
	name, _ := rawjson.String(k.name[1:]) // without the bracket
	return Packet{Event: name, Args: k.args, Attachments: k.attachments}
}

// fetch asks the application for a socket that another server has.
func (c *client) fetch(fresh *Socket, was *claim) (st *State) {
	f := c.srv.cfg.Recovery.Fetch
	if f == nil || fresh.rec == nil || was.pid == "" {
		return nil
	}
	fresh.guard(func() { st = f(c.srv.ctx, fresh, was.pid, was.offset, was.given) })
	if st == nil || st.ID == "" || st.PID == "" {
		return nil
	}
	return st
}

// adopt makes a socket that nobody knows yet the one that was exported.
func (s *Socket) adopt(st *State) {
	s.id = st.ID
	s.rec.pid = st.PID
	s.rec.base = st.Seen
	s.rec.seq.Store(st.Seen + uint64(len(st.Missed)))
	s.rec.kept = make([]kept, len(st.Missed))
	for i := range st.Missed {
		p := &st.Missed[i]
		k := &s.rec.kept[i]
		k.name, k.args, k.attachments = appendName(nil, p.Event), p.Args, p.Attachments
		s.rec.bytes += k.size()
	}
	s.recovered = true
	s.Join(st.Rooms...)
}

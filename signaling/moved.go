package signaling

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// tombKeep is how long a node forwards what arrives for a session that has
// moved: longer than any route is out of date.
const tombKeep = 10 * time.Second

// moving is about sessions on their way between nodes: those that left, to
// forward what still comes for them, and those that were announced and are not
// open yet, to hold what comes before them.
type moving struct {
	mu     sync.Mutex
	gone   map[string][]tomb     // by user
	coming map[string][]*arrival // by user
}

type tomb struct {
	device string
	to     presence.Peer
	until  time.Time
}

// moved notes that a session of this node was taken over by another one.
func (sw *Switchboard) moved(s *Session, to presence.Peer) {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone == nil {
		m.gone = map[string][]tomb{}
	}
	m.gone[s.user] = append(m.gone[s.user], tomb{s.device, to, time.Now().Add(tombKeep)})
}

// tidyMoving forgets old tombs, and gives up sessions that did not come.
func (sw *Switchboard) tidyMoving(now time.Time) {
	m := &sw.moving
	m.mu.Lock()
	for user, list := range m.gone {
		list = slices.DeleteFunc(list, func(t tomb) bool { return now.After(t.until) })
		if len(list) == 0 {
			delete(m.gone, user)
		} else {
			m.gone[user] = list
		}
	}
	held := m.giveUpLocked(now)
	m.mu.Unlock()
	sw.release(held, nil)
}

// whereTo says where a device that is not here has gone: by its tomb, or by the
// routes.
func (sw *Switchboard) whereTo(user, device string, ask bool) (presence.Peer, bool) {
	if sw.hub.device(user, device) != nil {
		return presence.Peer{}, false
	}
	to, ok := sw.tombOf(user, device)
	if !ok && ask {
		to, ok = sw.nodeOfDevice(context.Background(), user, device)
	}
	return to, ok
}

// tombOf is where the session of a device went from here, lately.
func (sw *Switchboard) tombOf(user, device string) (presence.Peer, bool) {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.gone[user]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].device == device {
			return list[i].to, true
		}
	}
	return presence.Peer{}, false
}

// redirect makes entries of sessions that have moved from here those of the node
// they went to: until it has registered them, the routes do not say so.
func (sw *Switchboard) redirect(user string, list []presence.Session) []presence.Session {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	tombs := m.gone[user]
	if len(tombs) == 0 {
		return list
	}
	copied := false
	for i := range list {
		if !sw.mine(&list[i]) || sw.hub.device(user, list[i].Device) != nil {
			continue
		}
		for k := len(tombs) - 1; k >= 0; k-- {
			if tombs[k].device != list[i].Device {
				continue
			}
			if !copied {
				list, copied = slices.Clone(list), true
			}
			list[i].Node, list[i].Epoch, list[i].Away = tombs[k].to.Name, tombs[k].to.Epoch, false
			break
		}
	}
	return list
}

// leftBehind lists the devices of a user that moved away lately.
func (sw *Switchboard) leftBehind(user string) []string {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, t := range m.gone[user] {
		if !slices.Contains(out, t.device) { // it may have been back
			out = append(out, t.device)
		}
	}
	return out
}

// forwardCall passes effects on whose device is not here any more (P2). here are
// those who were told.
func (sw *Switchboard) forwardCall(flags byte, c *call.Call, fx []call.Effect, here *hearers) {
	next, ok := forwarded(flags)
	if !ok {
		return
	}
	var out []target
	put := func(to presence.Peer, e *call.Effect) {
		for i := range out {
			if out[i].to == to {
				out[i].fx = append(out[i].fx, *e)
				return
			}
		}
		out = append(out, target{to, []call.Effect{*e}})
	}
	for i := range fx {
		e := &fx[i]
		var devices []string
		ask := flags&flagForwarded == 0
		switch e.To.Scope {
		case call.ToDevice:
			devices = []string{e.To.Device}
		case call.ToDevices:
			devices = e.To.Devices
		case call.ToAll:
			devices, ask = sw.leftBehind(e.To.User), false
		}
		for _, d := range devices {
			if here.have(func(h *Session) bool { return h.user == e.To.User && h.device == d }) {
				continue
			}
			if to, ok := sw.whereTo(e.To.User, d, ask); ok {
				put(to, e)
			}
		}
	}
	if err := sw.sendCall(out, next, c, presence.Must, nil); err != nil {
		sw.log.Debug("effects for a session that has moved are lost", "call", c.ID, "error", err)
	}
}

// forwardEvent does the same for an event.
func (sw *Switchboard) forwardEvent(e *eventEnvelope) {
	next, ok := forwarded(e.flags)
	devices, ask := sw.leftBehind(e.user), false
	if e.device != "" {
		devices, ask = []string{e.device}, e.flags&flagForwarded == 0
	}
	if !ok || len(devices) == 0 {
		return
	}
	fwd := *e
	fwd.flags = next
	lane := presence.Must
	if e.flags&flagDroppable != 0 {
		lane = presence.BestEffort
	}
	for _, d := range devices {
		if slices.ContainsFunc(e.told, func(s *Session) bool { return s.device == d }) {
			continue
		}
		if to, ok := sw.whereTo(e.user, d, ask); ok {
			fwd.device = d
			if err := sw.store.Send(to, kindEvent, lane, fwd.encode(), nil); err != nil {
				sw.log.Debug("an event for a session that has moved is lost", "user", e.user, "error", err)
			}
		}
	}
}

// evictPayload names a session to its node.
func evictPayload(user, id string) []byte { return []byte(id + " " + user) }

func cutEvict(payload string) (user, id string, ok bool) {
	id, user, ok = strings.Cut(payload, " ")
	return user, id, ok
}

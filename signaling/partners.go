package signaling

import (
	"context"
	"slices"
	"sync"
)

// Whom users have to do with: the list of who is online has only those on a site
// that is too large for the whole list (P4).

const (
	// maxPartners bounds whom a session is told about.
	maxPartners = 64
	// maxRecalling is how many sessions ask the store of messages at a time.
	maxRecalling = 4
)

// recalls are sessions whose partners are to be looked up among those with whom
// their users have messages.
type recalls struct {
	mu      sync.Mutex
	queue   []*Session
	working int
}

// recall looks up a session's partners of old, once, behind what it is told now.
func (o *online) recall(s *Session) {
	if o.sw.chat == nil || s.recalled.Swap(true) {
		return
	}
	r := &o.recalls
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, s) // each session is in it once at most
	if r.working < maxRecalling {
		r.working++
		o.sw.soon(o.recallQueued)
	}
}

func (o *online) recallQueued() {
	r := &o.recalls
	for {
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.queue = nil
			r.working--
			r.mu.Unlock()
			return
		}
		s := r.queue[0]
		r.queue[0] = nil
		r.queue = r.queue[1:]
		r.mu.Unlock()
		if s.now() != closed {
			o.recallOne(s)
		}
	}
}

func (o *online) recallOne(s *Session) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	list, err := o.sw.chat.Partners(ctx, s.user, maxPartners)
	if err != nil {
		o.sw.log.Debug("partners of old are not to be had", "user", s.user, "error", err)
		s.recalled.Store(false) // the next change of the list asks again
		return
	}
	all, whole := s.metBefore(list)
	if len(list) == 0 || whole {
		return
	}
	asked := o.asked.Add(1)
	states, err := o.sw.store.States(ctx, all)
	if err != nil {
		return // as above: the next change tells
	}
	ids := s.shown(onlineOf(states))
	o.sw.inTurnOf(ctx, func(_ context.Context, t *turn) { s.listPartners(t, asked, ids) })
}

// meet notes that the session's user and another have to do with each other, the
// latest last.
func (sw *Switchboard) meet(s *Session, peer string) {
	s.met(peer)
	sw.metBy(peer, s.user)
}

// metBy notes so for the sessions of a user.
func (sw *Switchboard) metBy(user, peer string) {
	for _, s := range sw.hub.of(user) {
		s.met(peer)
	}
}

func (s *Session) met(peer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.partners)
	if n > 0 && s.partners[n-1] == peer {
		return
	}
	if i := slices.Index(s.partners, peer); i >= 0 {
		s.partners = append(slices.Delete(s.partners, i, i+1), peer)
		return
	}
	if n >= maxPartners {
		s.partners = slices.Delete(s.partners, 0, 1)
	}
	s.partners = append(s.partners, peer)
}

// metBefore puts users, the latest first, before those whom the session met. It
// returns all, and whether the client has the whole list by now.
func (s *Session) metBefore(list []string) (all []string, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := slices.DeleteFunc(slices.Clone(list), func(u string) bool { return slices.Contains(s.partners, u) })
	old = old[:min(len(old), maxPartners-len(s.partners))]
	slices.Reverse(old)
	s.partners = append(old, s.partners...)
	return slices.Clone(s.partners), s.wholeList
}

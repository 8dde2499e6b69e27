package presencetest

import (
	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// Handler is a presence.Handler for tests: it does what its fields say, and
// nothing where they are nil.
type Handler struct {
	OnWatched     func(presence.State)
	OnReceive     func(from presence.Peer, kind presence.Kind, payload []byte)
	OnUndelivered func(to presence.Peer, kind presence.Kind, payload []byte)
	OnLost        func(presence.Session)
	OnRecheck     func(id string)
	OnRoutes      func(user string)
	OnFlipped     func(st presence.State, version int64)
	Calls         func() []*call.Call
}

var (
	_ presence.Handler  = (*Handler)(nil)
	_ presence.Observer = (*Handler)(nil)
)

// Watched calls OnWatched.
func (h *Handler) Watched(s presence.State) {
	if h.OnWatched != nil {
		h.OnWatched(s)
	}
}

// Receive calls OnReceive.
func (h *Handler) Receive(from presence.Peer, kind presence.Kind, payload []byte) {
	if h.OnReceive != nil {
		h.OnReceive(from, kind, payload)
	}
}

// Drained does nothing.
func (*Handler) Drained() {}

// Undelivered calls OnUndelivered.
func (h *Handler) Undelivered(to presence.Peer, kind presence.Kind, payload []byte) {
	if h.OnUndelivered != nil {
		h.OnUndelivered(to, kind, payload)
	}
}

// Lost calls OnLost.
func (h *Handler) Lost(s presence.Session) {
	if h.OnLost != nil {
		h.OnLost(s)
	}
}

// RoutesChanged calls OnRoutes.
func (h *Handler) RoutesChanged(user string) {
	if h.OnRoutes != nil {
		h.OnRoutes(user)
	}
}

// Flipped calls OnFlipped.
func (h *Handler) Flipped(st presence.State, version int64) {
	if h.OnFlipped != nil {
		h.OnFlipped(st, version)
	}
}

// Known calls Calls.
func (h *Handler) Known() []*call.Call {
	if h.Calls == nil {
		return nil
	}
	return h.Calls()
}

// Recheck calls OnRecheck.
func (h *Handler) Recheck(id string) {
	if h.OnRecheck != nil {
		h.OnRecheck(id)
	}
}

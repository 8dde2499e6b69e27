package signaling

import (
	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

var _ presence.Handler = (*Switchboard)(nil)

// Receive gets what another node sent.
func (sw *Switchboard) Receive(presence.Peer, presence.Kind, []byte) {}

// Drained flushes what Receive gathered.
func (sw *Switchboard) Drained() {}

// Undelivered gets back what a dead node did not confirm.
func (sw *Switchboard) Undelivered(presence.Peer, presence.Kind, []byte) {}

// Lost tells of a session whose node died.
func (sw *Switchboard) Lost(presence.Session) {}

// Known lists the calls that this node works with.
func (sw *Switchboard) Known() []*call.Call { return nil }

// Recheck looks at a call again.
func (sw *Switchboard) Recheck(string) {}

// RoutesChanged looks whether a device that connected elsewhere has to ring.
func (sw *Switchboard) RoutesChanged(string) {}

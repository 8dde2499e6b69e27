package signaling

import (
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

// Node is this node as others see it. It is another one after the node had to
// take a new epoch (P1).
func (sw *Switchboard) Node() presence.Node { return sw.store.Self() }

// Tag is what ids that clients show again begin with, so that any node can tell
// whose they are: the node's tag, or "" where there are no other nodes.
func (sw *Switchboard) Tag() string {
	if !sw.shared {
		return ""
	}
	return sw.store.Self().Tag
}

// Tagged puts this node's tag in front of an id.
func (sw *Switchboard) Tagged(id string) string {
	if tag := sw.Tag(); tag != "" {
		return tag + "-" + id
	}
	return id
}

// TagOf is the tag that an id begins with. Of an id without one it may return
// anything that is no node's tag: ids have hyphens in them.
func TagOf(id string) string {
	tag, _, ok := strings.Cut(id, "-")
	if !ok {
		return ""
	}
	return tag
}

// Degraded is empty, or says what is wrong while this node works alone (P7).
func (sw *Switchboard) Degraded() string { return sw.store.Degraded() }

// Nodes counts the nodes that hold a lease, this one included.
func (sw *Switchboard) Nodes() int { return len(sw.store.Nodes()) }

// Now is the cluster's clock.
func (sw *Switchboard) Now() time.Time { return sw.store.Now() }

// AddrOf is where another node that holds a lease takes requests of its peers,
// by the tag of ids (P9).
func (sw *Switchboard) AddrOf(tag string) (addr string, ok bool) {
	if tag == "" || !sw.shared {
		return "", false
	}
	self := sw.store.Self()
	for _, n := range sw.store.Nodes() {
		if n.Tag == tag && n.Peer != self.Peer {
			return n.Addr, true
		}
	}
	return "", false
}

package signaling

import (
	"context"
	"errors"
	"fmt"

	"github.com/tandem-rtc/tandem/presence"
)

// WhereIs asks a node to which one the session of a device went that it had:
// what a client shows names the node where it began, and a client that lost the
// answer of the next one shows that again, elsewhere. The routes tell the same a
// moment later.
const WhereIs Question = 3

// maxTrail bounds the nodes that are asked for one session.
const maxTrail = 6

func (sw *Switchboard) answerWhereIs() {
	sw.Answer(WhereIs, func(_ presence.Peer, body []byte) ([]byte, error) {
		user, rest, ok := cutString(body)
		if !ok {
			return nil, fmt.Errorf("%w: a question that can not be read", ErrRefused)
		}
		to, ok := sw.tombOf(user, string(rest))
		if !ok {
			return nil, errNotHere
		}
		return append(appendString(nil, to.Name), to.Epoch...), nil
	})
}

// askWhereIs asks a node that does not have the session itself.
func (sw *Switchboard) askWhereIs(ctx context.Context, peer presence.Peer, user, device string) (to presence.Peer, ok bool) {
	body := append(appendString(make([]byte, 0, len(user)+len(device)+2), user), device...)
	answer, err := sw.askPeer(ctx, peer, WhereIs, body)
	if err != nil {
		return to, false // nor does a node of an older release know
	}
	name, epoch, ok := cutString(answer)
	return presence.Peer{Name: name, Epoch: string(epoch)}, ok
}

// trail is which nodes to ask for the session of a device, in this order.
type trail struct {
	sw    *Switchboard
	nodes []presence.Peer
	asked int
}

func (tr *trail) add(p presence.Peer, ok bool) {
	if !ok || p == *tr.sw.self.Load() || len(tr.nodes) >= maxTrail {
		return
	}
	for _, have := range tr.nodes {
		if have == p {
			return
		}
	}
	tr.nodes = append(tr.nodes, p)
}

// ask finds the node that has the session and returns its answer; false: none.
func (tr *trail) ask(ctx context.Context, what Question, user, device string, body []byte) (*Taken, bool) {
	sw := tr.sw
	for ; tr.asked < len(tr.nodes); tr.asked++ {
		p := tr.nodes[tr.asked]
		answer, err := sw.askPeer(ctx, p, what, body)
		if err != nil {
			sw.log.Debug("a session was not taken over", "user", user, "device", device, "from", p.Name, "error", err)
			if errors.Is(err, ErrRefused) {
				tr.add(sw.askWhereIs(ctx, p, user, device))
			}
			continue
		}
		got, err := decodeTaken(answer)
		if err == nil {
			return got, true
		}
		sw.log.Error("a session that was handed over can not be read", "user", user, "device", device, "error", err)
	}
	return nil, false
}

package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Receipts are passed on to the author while both are online. Checking them
// against the message, and keeping them, needs the chat store.

func (sw *Switchboard) onMessageDelivered(_ context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.receipt(t, s, args, wire.StatusDelivered)
}

func (sw *Switchboard) onMessageSeen(_ context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.receipt(t, s, args, wire.StatusSeen)
}

func (sw *Switchboard) receipt(t *turn, s *Session, args [][]byte, status string) ([]byte, error) {
	p, err := wire.DecodeReceipt(args)
	if err != nil {
		return nil, err
	}
	o := newObject(nil)
	o.str("messageId", p.MessageID)
	o.str("status", status)
	sw.toUser(t, p.SenderID, eventOf(wire.MessageStatusUpdated, o.end()))
	sw.meet(s, p.SenderID)
	return nil, nil
}

// onAllMessageSeen: senderId is the author; the reader is the session's user,
// whatever receiverId says (I1).
func (sw *Switchboard) onAllMessageSeen(_ context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeAllSeen(args)
	if err != nil {
		return nil, err
	}
	o := newObject(nil)
	o.str("senderId", p.SenderID)
	o.str("receiverId", s.user)
	o.str("status", wire.StatusSeen)
	sw.toUser(t, p.SenderID, eventOf(wire.AllMessageStatusUpdated, o.end()))
	sw.meet(s, p.SenderID)
	return nil, nil
}

// toUser queues an event for every device of a user.
func (sw *Switchboard) toUser(t *turn, user string, ev *wire.Event) {
	for _, s := range sw.hub.of(user) {
		s.send(t, ev)
	}
}

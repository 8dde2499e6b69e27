package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Receipts are passed on to the author while both are online. Checking them
// against the message, and keeping them, needs the chat store.

func (sw *Switchboard) onMessageDelivered(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.receipt(ctx, t, s, args, wire.StatusDelivered)
}

func (sw *Switchboard) onMessageSeen(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	return sw.receipt(ctx, t, s, args, wire.StatusSeen)
}

func (sw *Switchboard) receipt(ctx context.Context, t *turn, s *Session, args [][]byte, status string) ([]byte, error) {
	p, err := wire.DecodeReceipt(args)
	if err != nil {
		return nil, err
	}
	o := newObject(nil)
	o.str("messageId", p.MessageID)
	o.str("status", status)
	sw.meet(s, p.SenderID)
	return nil, sw.toUser(ctx, t, s.user, p.SenderID, eventOf(wire.MessageStatusUpdated, o.end()))
}

// onAllMessageSeen: senderId is the author; the reader is the session's user,
// whatever receiverId says (I1).
func (sw *Switchboard) onAllMessageSeen(ctx context.Context, t *turn, s *Session, args [][]byte) ([]byte, error) {
	p, err := wire.DecodeAllSeen(args)
	if err != nil {
		return nil, err
	}
	o := newObject(nil)
	o.str("senderId", p.SenderID)
	o.str("receiverId", s.user)
	o.str("status", wire.StatusSeen)
	sw.meet(s, p.SenderID)
	return nil, sw.toUser(ctx, t, s.user, p.SenderID, eventOf(wire.AllMessageStatusUpdated, o.end()))
}

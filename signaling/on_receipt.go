package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Where no messages are kept, receipts are passed on to the author while both are
// online, as they are. A store is what they are checked against: only the
// receiver may mark, and the author hears what has risen (M2).

func (sw *Switchboard) markMessageDelivered(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	return sw.mark(ctx, s, args, chat.Delivered)
}

func (sw *Switchboard) markMessageSeen(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	return sw.mark(ctx, s, args, chat.Seen)
}

func (sw *Switchboard) mark(ctx context.Context, s *Session, args [][]byte, to chat.Status) ([]byte, telling, error) {
	p, err := wire.DecodeReceipt(args)
	if err != nil {
		return nil, nil, err
	}
	m, err := sw.chat.Get(ctx, p.MessageID)
	switch {
	case err != nil:
		return nil, nil, sw.chatProblem(err)
	case m.Receiver != s.user:
		return nil, nil, chat.ErrForbidden
	case m.Sender != p.SenderID:
		return nil, nil, wire.Errorf(wire.CodeBadPayload, "senderId is not the author of that message.")
	}
	told := sw.statusLane(m.Sender, s.user).told()
	m, rose, err := sw.chat.Mark(ctx, s.user, p.MessageID, to)
	if err != nil {
		return nil, nil, sw.chatProblem(err)
	}
	sw.meet(s, p.SenderID)
	if !rose {
		return []byte("{}"), nil, nil
	}
	return []byte("{}"), func(ctx context.Context, t *turn) { sw.tellStatus(ctx, t, m, told, s) }, nil
}

// markAllSeen: the reader is the session's user, whatever receiverId says (I1).
func (sw *Switchboard) markAllSeen(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeAllSeen(args)
	if err != nil {
		return nil, nil, err
	}
	n, err := sw.chat.MarkAll(ctx, s.user, p.SenderID)
	if err != nil {
		return nil, nil, sw.chatProblem(err)
	}
	sw.meet(s, p.SenderID)
	if n == 0 {
		return []byte("{}"), nil, nil
	}
	return []byte("{}"), func(ctx context.Context, t *turn) { sw.tellAllSeen(ctx, t, p.SenderID, s.user, s) }, nil
}

func allSeen(author, reader string) []byte {
	o := newObject(nil)
	o.str("senderId", author)
	o.str("receiverId", reader)
	o.str("status", wire.StatusSeen)
	return o.end()
}

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
	sw.meet(s, p.SenderID)
	return nil, sw.toUser(ctx, t, s.user, p.SenderID, eventOf(wire.AllMessageStatusUpdated, allSeen(p.SenderID, s.user)))
}

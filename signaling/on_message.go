package signaling

import (
	"context"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Events of stored messages. What they do is in messages.go.

func (sw *Switchboard) onMessageSend(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	d, err := draftOf(s, args)
	if err != nil {
		return nil, nil, err
	}
	m, tell, err := sw.storeMessage(ctx, s.user, s.profile, s, d)
	if err != nil {
		return nil, nil, err
	}
	return messageReply(m), tell, nil
}

// draftOf reads what somebody wants to send.
func draftOf(s *Session, args [][]byte) (chat.Draft, error) {
	p, err := wire.DecodeMessageSend(args)
	if err != nil {
		return chat.Draft{}, err
	}
	if !s.allowed("message") {
		return chat.Draft{}, wire.Errorf(wire.CodeForbidden, "")
	}
	return chat.Draft{To: p.To, Text: p.Text, Media: p.Media, ReplyTo: p.ReplyTo, ClientID: p.ClientID}, nil
}

// sending is what becomes of one message of several.
type sending struct {
	reply []byte
	then  telling
	err   error
}

// storeMessages is onMessageSend for several.
func (sw *Switchboard) storeMessages(ctx context.Context, s *Session, list []job, sent []sending) {
	messages, whose := make([]chat.Message, 0, len(list)), make([]int, 0, len(list))
	for i := range list {
		d, err := draftOf(s, list[i].args)
		if err == nil {
			var m chat.Message
			var was *chat.Message
			switch m, was, err = sw.checkDraft(ctx, s.user, d); {
			case was != nil:
				sent[i].reply = messageReply(was)
			case err == nil:
				messages, whose = append(messages, m), append(whose, i)
			}
		}
		sent[i].err = err
	}
	if len(messages) == 0 {
		return
	}
	for i, a := range sw.chat.AddMany(ctx, messages) {
		x := &sent[whose[i]]
		if x.err = sw.chatProblem(a.Err); x.err == nil {
			x.reply, x.then = messageReply(a.Message), sw.tellStored(ctx, s.user, s.profile, s, a.Message, a.Created)
		}
	}
}

// messageReply is {"message":…}.
func messageReply(m *chat.Message) []byte {
	o := newObject(nil)
	o.raw("message", chat.AppendJSON(nil, m))
	return o.end()
}

// onMessageSync gives a device what it missed (M3), and takes the messages in it
// as delivered.
func (sw *Switchboard) onMessageSync(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeMessageSync(args)
	if err != nil {
		return nil, nil, err
	}
	ch, err := sw.changes(ctx, s.user, p)
	if err != nil {
		return nil, nil, sw.chatProblem(err)
	}
	o := newObject(nil)
	o.raw("messages", chat.AppendList(nil, ch.Messages))
	receipts := []byte{'['}
	for i, r := range ch.Receipts {
		if i > 0 {
			receipts = append(receipts, ',')
		}
		receipts = appendReceipt(receipts, r)
	}
	o.raw("receipts", append(receipts, ']'))
	o.raw("deleted", appendStrings(nil, ch.Deleted))
	o.str("cursor", ch.Cursor)
	o.bool("more", ch.More)
	return o.end(), func(context.Context, *turn) { sw.gotList(s.user, ch.Messages) }, nil
}

// changes are what a device asks for: a device that is new, and wants to know no
// more than what happens from now on, asks for none.
func (sw *Switchboard) changes(ctx context.Context, user string, p wire.MessageSyncPayload) (ch chat.Changes, err error) {
	if p.Limit > 0 {
		return sw.chat.Changes(ctx, user, p.Since, p.Limit)
	}
	ch.Cursor, err = sw.chat.Head(ctx, user)
	return ch, err
}

func appendReceipt(b []byte, r chat.Receipt) []byte {
	o := newObject(b)
	if r.MessageID != "" {
		o.str("messageId", r.MessageID)
	} else {
		o.str("senderId", r.Author)
		o.str("receiverId", r.Reader)
		o.time("until", r.Until)
	}
	o.str("status", r.Status.String())
	return o.end()
}

func (sw *Switchboard) onMessageEdit(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeMessageEdit(args)
	if err != nil {
		return nil, nil, err
	}
	if !s.allowed("message") {
		return nil, nil, wire.Errorf(wire.CodeForbidden, "")
	}
	m, tell, err := sw.change(ctx, s.user, p.MessageID, sw.cfg.Chat.EditText(s.user, p.Text, sw.now()), sw.tellEdited)
	if err != nil {
		return nil, nil, err
	}
	return messageReply(m), tell, nil
}

func (sw *Switchboard) onMessageReact(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeMessageReact(args)
	if err != nil {
		return nil, nil, err
	}
	if !s.allowed("message") {
		return nil, nil, wire.Errorf(wire.CodeForbidden, "")
	}
	rule := chat.Toggle(s.user, p.Emoji)
	if p.On != nil {
		rule = chat.React(s.user, p.Emoji, *p.On)
	}
	m, tell, err := sw.change(ctx, s.user, p.MessageID, rule, sw.tellReactions)
	if err != nil {
		return nil, nil, err
	}
	return messageReply(m), tell, nil
}

func (sw *Switchboard) onMessageDelete(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeMessageDelete(args)
	if err != nil {
		return nil, nil, err
	}
	tell, err := sw.deleteMessage(ctx, s.user, p.MessageID, p.ForMe)
	return []byte("{}"), tell, err
}

func (sw *Switchboard) onMessageHistory(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeMessageHistory(args)
	if err != nil {
		return nil, nil, err
	}
	if p.Limit == 0 {
		p.Limit = min(wire.MaxMessagePage, sw.cfg.HistoryLimit)
	}
	list, err := sw.History(ctx, s.user, p.Peer, p.Before, p.Limit)
	if err != nil {
		return nil, nil, err
	}
	s.met(p.Peer)
	o := newObject(nil)
	o.raw("messages", chat.AppendList(nil, list))
	return o.end(), nil, nil
}

func (sw *Switchboard) onMessageConversations(ctx context.Context, s *Session, args [][]byte) ([]byte, telling, error) {
	p, err := wire.DecodeConversations(args)
	if err != nil {
		return nil, nil, err
	}
	list, next, err := sw.Conversations(ctx, s.user, p.Cursor, p.Limit)
	if err != nil {
		return nil, nil, err
	}
	b := []byte{'['}
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		c := newObject(b)
		c.str("peer", list[i].Peer)
		c.int("unread", int64(list[i].Unread))
		c.raw("lastMessage", chat.AppendJSON(nil, list[i].Last))
		b = c.end()
	}
	o := newObject(nil)
	o.raw("conversations", append(b, ']'))
	o.str("next", next)
	return o.end(), nil, nil
}

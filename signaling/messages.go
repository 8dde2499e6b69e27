package signaling

import (
	"context"
	"errors"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// What people do with messages, for the events of the socket (on_message.go) and
// for the REST routes. Each stores first and tells then (M1): what is to be told is
// returned as a function, for who has an answer to give before.

// ChatOn reports whether messages are kept at all.
func (sw *Switchboard) ChatOn() bool { return sw.chat != nil }

var errNoChat = wire.Errorf(wire.CodeNotConfigured, "")

// chatProblem turns the error of a store or rule into what a client may hear.
func (sw *Switchboard) chatProblem(err error) error {
	var coded interface{ Code() string }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		sw.log.Warn("the store of messages takes too long", "error", err)
		return wire.Errorf(wire.CodeUnavailable, "")
	case errors.Is(err, chat.ErrBadCursor):
		return wire.Errorf(wire.CodeBadPayload, "The place to go on from is not one of this list.")
	case errors.As(err, &coded):
		if wire.Code(coded.Code()) == wire.CodeUnavailable {
			sw.log.Warn("messages are not to be had", "error", err)
		}
		return wire.Errorf(wire.Code(coded.Code()), "")
	}
	return err
}

// SendMessage stores a message; deliver, if not nil, is called when its author has
// been answered (M1). from is the author: the claims of its token are the profile
// that the receiver is shown.
func (sw *Switchboard) SendMessage(ctx context.Context, from *auth.Identity, d chat.Draft) (m *chat.Message, deliver func(), err error) {
	m, tell, err := sw.storeMessage(ctx, from.User, from.Profile.JSON(), nil, d)
	if err != nil || tell == nil {
		return m, nil, err
	}
	return m, func() { sw.inTurnOf(ctx, tell) }, nil
}

// inTurnOf tells on a goroutine that has no turn.
func (sw *Switchboard) inTurnOf(ctx context.Context, tell telling) {
	if tell == nil {
		return
	}
	t := sw.newTurn()
	tell(ctx, t)
	t.end()
}

// storeMessage stores a message; tell delivers it. by is the session that sends
// it, or nil. One that was stored before is not delivered again.
func (sw *Switchboard) storeMessage(ctx context.Context, user string, profile []byte, by *Session, d chat.Draft) (*chat.Message, telling, error) {
	m, was, err := sw.checkDraft(ctx, user, d)
	if was != nil || err != nil {
		return was, nil, err
	}
	stored, created, err := sw.chat.Add(ctx, m)
	if err != nil {
		return nil, nil, sw.chatProblem(err)
	}
	return stored, sw.tellStored(ctx, user, profile, by, stored, created), nil
}

// checkDraft makes a message of what somebody wants to send, if they may. Who may
// not, but has sent it already and asks again, gets what was stored (M1).
func (sw *Switchboard) checkDraft(ctx context.Context, user string, d chat.Draft) (m chat.Message, was *chat.Message, err error) {
	if sw.chat == nil {
		return m, nil, errNoChat
	}
	m = chat.Message{Sender: user, Receiver: d.To, Text: d.Text, Media: d.Media, ClientID: d.ClientID}
	if err := sw.cfg.Chat.Check(&m); err != nil {
		return m, nil, err
	}
	if err = sw.admit(ctx, &m, d.ReplyTo); err != nil && d.ClientID != "" {
		if was, noted := sw.chat.Sent(ctx, user, d.ClientID); noted == nil {
			return m, was, nil
		}
	}
	return m, nil, err
}

// admit says whether a message may be sent, hides it from who has blocked its
// author, and adds what it answers.
func (sw *Switchboard) admit(ctx context.Context, m *chat.Message, replyTo string) error {
	if err := sw.mayMessage(ctx, m.Sender, m.Receiver); err != nil {
		return err
	}
	sets, err := sw.blockSetsOf(ctx, m.Sender)
	if err != nil {
		return err
	}
	switch blocked, by := sets.between(m.Receiver); {
	case blocked:
		return errBlocked
	case by: // nobody but its author ever sees it
		m.HiddenFor = []string{m.Receiver}
	}
	if replyTo == "" {
		return nil
	}
	answered, err := sw.chat.Get(ctx, replyTo)
	if errors.Is(err, chat.ErrNotFound) {
		return chat.ErrReply
	}
	if err != nil {
		return sw.chatProblem(err)
	}
	m.ReplyTo, err = chat.Quote(answered, m.Sender, m.Receiver)
	return err
}

// tellStored delivers a message that was stored; nil if it was there before.
func (sw *Switchboard) tellStored(ctx context.Context, user string, profile []byte, by *Session, stored *chat.Message, created bool) telling {
	if !created {
		return nil
	}
	args := append(chat.AppendJSON(nil, stored), ',')
	shown := sw.senderProfile(ctx, user, profile)
	args = append(args, shown...)
	return func(ctx context.Context, t *turn) {
		sw.newMessage(ctx, stored, shown)
		sw.deliverMessage(ctx, t, stored, by, args)
	}
}

// senderProfile is what a receiver is told of an author (M5): the token's claims,
// else what the user store has, reduced to what may be shown; always with _id.
func (sw *Switchboard) senderProfile(ctx context.Context, user string, token []byte) []byte {
	if len(token) == 0 && sw.profiles != nil {
		p, err := sw.profiles.Profile(ctx, user)
		if err != nil {
			sw.log.Warn("a profile is not to be had", "user", user, "error", err)
		}
		token = p
	}
	return sw.profileOf(&Session{user: user, profile: token}, nil)
}

// deliverMessage gives a stored message to the devices of its author that did not
// send it, so that they know it before they hear of its status, and to those of
// its receiver. A base device of the author would count it as unread.
func (sw *Switchboard) deliverMessage(ctx context.Context, t *turn, m *chat.Message, by *Session, args []byte) {
	ev := eventOf(wire.NewMessage, args)
	if m.HiddenFrom(m.Receiver) {
		sw.tellUser(ctx, t, "", m.Sender, ev, extendedDevices, by)
		return
	}
	if m.Sender != m.Receiver {
		sw.tellUser(ctx, t, m.Receiver, m.Sender, ev, extendedDevices, by)
	}
	sw.tellUser(ctx, t, m.Sender, m.Receiver, ev, everyDevice, nil)
	sw.delivered(receipt{m.ID, m.Sender, m.Receiver}, "")
	sw.metBy(m.Sender, m.Receiver)
	sw.metBy(m.Receiver, m.Sender)
}

// gotMessage is called where newMessage from another node was queued, for all
// devices of the user or one.
func (sw *Switchboard) gotMessage(user, device string, args []byte) {
	if sw.chat == nil {
		return
	}
	var r receipt
	list, err := rawjson.Array(nil, append(append([]byte{'['}, args...), ']'))
	if err != nil || len(list) == 0 {
		return
	}
	_ = rawjson.Object(list[0], func(k, v []byte) bool {
		switch string(k) {
		case "_id":
			r.id, _ = rawjson.String(v)
		case "senderId":
			r.author, _ = rawjson.String(v)
		case "receiverId":
			r.reader, _ = rawjson.String(v)
		}
		return true
	})
	if r.id != "" && r.author != "" && r.reader == user {
		sw.delivered(r, device)
	}
}

// History lists messages between two people, oldest first, for a device of the
// user: those that were on their way to it are delivered.
func (sw *Switchboard) History(ctx context.Context, user, peer, before string, limit int) ([]*chat.Message, error) {
	if sw.chat == nil {
		return nil, errNoChat
	}
	list, err := sw.chat.History(ctx, user, peer, before, limit)
	if err != nil {
		return nil, sw.chatProblem(err)
	}
	sw.gotList(user, list)
	return list, nil
}

// Conversations lists with whom a user has messages, newest first.
func (sw *Switchboard) Conversations(ctx context.Context, user, cursor string, limit int) ([]chat.Conversation, string, error) {
	if sw.chat == nil {
		return nil, "", errNoChat
	}
	list, next, err := sw.chat.Conversations(ctx, user, cursor, limit)
	return list, next, sw.chatProblem(err)
}

// React puts a user's reaction on a message, or takes it back.
func (sw *Switchboard) React(ctx context.Context, user, id, emoji string) (*chat.Message, error) {
	m, tell, err := sw.change(ctx, user, id, chat.Toggle(user, emoji), sw.tellReactions)
	sw.inTurnOf(ctx, tell)
	return m, err
}

// EditMessage gives a message of the user another text.
func (sw *Switchboard) EditMessage(ctx context.Context, user, id, text string) (*chat.Message, error) {
	m, tell, err := sw.change(ctx, user, id, sw.cfg.Chat.EditText(user, text, sw.now()), sw.tellEdited)
	sw.inTurnOf(ctx, tell)
	return m, err
}

// change applies a rule to a message for a user; tell says so if something changed.
func (sw *Switchboard) change(ctx context.Context, user, id string, rule chat.Change, news func(context.Context, *turn, *chat.Message)) (*chat.Message, telling, error) {
	if sw.chat == nil {
		return nil, nil, errNoChat
	}
	rule, err := sw.unlessBlocked(ctx, user, rule)
	if err != nil {
		return nil, nil, err
	}
	m, changed, err := sw.chat.Update(ctx, id, rule)
	if err != nil {
		return nil, nil, sw.chatProblem(err)
	}
	if !changed {
		return m, nil, nil
	}
	return m, func(ctx context.Context, t *turn) { news(ctx, t, m) }, nil
}

func (sw *Switchboard) tellReactions(ctx context.Context, t *turn, m *chat.Message) {
	o := newObject(nil)
	o.str("messageId", m.ID)
	o.raw("reactions", chat.AppendReactions(nil, m.Reactions))
	sw.tellBoth(ctx, t, m, eventOf(wire.ReactionUpdated, o.end()), everyDevice)
}

func (sw *Switchboard) tellEdited(ctx context.Context, t *turn, m *chat.Message) {
	o := newObject(nil)
	o.raw("message", chat.AppendJSON(nil, m))
	sw.tellBoth(ctx, t, m, eventOf(wire.MessageEdited, o.end()), extendedDevices)
}

// tellBoth tells the two people of a message.
func (sw *Switchboard) tellBoth(ctx context.Context, t *turn, m *chat.Message, ev *wire.Event, who audience) {
	sw.tellUser(ctx, t, m.Receiver, m.Sender, ev, who, nil)
	if m.Receiver != m.Sender && !m.HiddenFrom(m.Receiver) {
		sw.tellUser(ctx, t, m.Sender, m.Receiver, ev, who, nil)
	}
}

// DeleteMessage deletes a message for both, or with forMe for the user alone.
func (sw *Switchboard) DeleteMessage(ctx context.Context, user, id string, forMe bool) error {
	tell, err := sw.deleteMessage(ctx, user, id, forMe)
	sw.inTurnOf(ctx, tell)
	return err
}

func (sw *Switchboard) deleteMessage(ctx context.Context, user, id string, forMe bool) (telling, error) {
	if sw.chat == nil {
		return nil, errNoChat
	}
	if forMe {
		m, changed, err := sw.chat.Update(ctx, id, chat.HideFor(user))
		if err != nil || !changed {
			return nil, sw.chatProblem(err)
		}
		return func(ctx context.Context, t *turn) { sw.tellDeleted(ctx, t, m, user) }, nil
	}
	m, err := sw.chat.Remove(ctx, id, chat.MayDelete(user))
	if err != nil {
		return nil, sw.chatProblem(err)
	}
	return func(ctx context.Context, t *turn) {
		sw.tellDeleted(ctx, t, m, m.Sender)
		if m.Receiver != m.Sender && !m.HiddenFrom(m.Receiver) {
			sw.tellDeleted(ctx, t, m, m.Receiver)
		}
	}, nil
}

// tellDeleted tells a user that a message is gone: extended devices which one,
// base ones what is left of the conversation (M7).
func (sw *Switchboard) tellDeleted(ctx context.Context, t *turn, m *chat.Message, user string) {
	o := newObject(nil)
	o.str("messageId", m.ID)
	which := o.end()
	sw.tellUser(ctx, t, m.Peer(user), user, eventOf(wire.MessageDeleted, which), extendedDevices, nil)
	if !sw.hasBase(ctx, user) {
		return
	}
	left, err := sw.chat.History(ctx, user, m.Peer(user), "", sw.cfg.HistoryLimit)
	if err != nil {
		sw.log.Warn("base devices were not told of a deletion", "message", m.ID, "error", err)
		return
	}
	args := append(chat.AppendList(nil, left), ',')
	args = append(rawjson.AppendString(args, m.Sender), ',')
	args = append(rawjson.AppendString(args, m.Receiver), ',')
	sw.tellUser(ctx, t, m.Peer(user), user, eventOf(wire.MessageDeleted, append(args, which...)), baseDevices, nil)
}

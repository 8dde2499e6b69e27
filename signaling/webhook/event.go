package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// maxPast is how old a part of a call may be to be told for the first time by who
// tells of a later one: an outbox has to know then that it has had it.
const maxPast = Memory / 2

// stampForm is how times are written: ISO 8601 in UTC, with milliseconds.
const stampForm = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) shape.ISOTime {
	if t.IsZero() {
		return ""
	}
	return shape.ISOTime(t.UTC().Format(stampForm))
}

// event is the body of a webhook.
type event struct {
	Type string        `json:"type"`
	At   shape.ISOTime `json:"timestamp"`
	ID   string        `json:"id"` // also in the header webhook-id
	Data any           `json:"data"`
}

// Ringing is the data of call.ringing.
type Ringing struct {
	CallID     string          `json:"callId"`
	Caller     string          `json:"caller"`
	Callee     string          `json:"callee"`
	Video      bool            `json:"isVideoCall"`
	Offline    bool            `json:"offline"` // no device of the callee was connected
	CallerName string          `json:"callerName"`
	From       json.RawMessage `json:"from"` // the caller's profile, with _id
	Metadata   json.RawMessage `json:"metadata,omitempty"`
	Started    shape.ISOTime   `json:"startedAt"`
	RingUntil  shape.ISOTime   `json:"expiresAt"` // when it stops ringing
}

// Answered is the data of call.answered.
type Answered struct {
	CallID       string        `json:"callId"`
	Caller       string        `json:"caller"`
	Callee       string        `json:"callee"`
	Video        bool          `json:"isVideoCall"`
	Started      shape.ISOTime `json:"startedAt"`
	Answered     shape.ISOTime `json:"answeredAt"`
	CallerDevice string        `json:"callerDevice"`
	CalleeDevice string        `json:"calleeDevice"` // which has answered
}

// Ended is the data of call.ended and call.missed: the call's entry in the log
// (GET /api/calls).
type Ended struct {
	CallID       string        `json:"callId"`
	Caller       string        `json:"caller"`
	Callee       string        `json:"callee"`
	Reason       call.Reason   `json:"reason"`
	Video        bool          `json:"isVideoCall"`
	Missed       bool          `json:"missed"`
	Started      shape.ISOTime `json:"startedAt"`
	Answered     shape.ISOTime `json:"answeredAt,omitempty"`
	Ended        shape.ISOTime `json:"endedAt"`
	DurationMs   int64         `json:"durationMs"` // from answer to end
	CallerDevice string        `json:"callerDevice,omitempty"`
	CalleeDevice string        `json:"calleeDevice,omitempty"`
	Next         string        `json:"next,omitempty"` // the call that took its place
}

// MessageCreated is the data of message.created.
type MessageCreated struct {
	Offline bool            `json:"offline"` // no device of the receiver was connected
	From    json.RawMessage `json:"from"`    // the author's profile, with _id
	Message json.RawMessage `json:"message"` // as in the event newMessage
}

// Presence is the data of presence.online and presence.offline.
type Presence struct {
	User     string        `json:"user"`
	Online   bool          `json:"online"`
	Devices  int           `json:"devices"`
	LastSeen shape.ISOTime `json:"lastSeen,omitempty"`
}

// entries makes what is put into an outbox of one piece of news. What of a call
// must have come before is in it, too: who should have told may have died before
// it did. An outbox that has had it knows by the id.
func entries(n *signaling.News, now time.Time) ([]Entry, error) {
	var list []Entry
	add := func(typ signaling.NewsType, id string, at time.Time, data any) error {
		body, err := json.Marshal(event{string(typ), stamp(at), id, data})
		if err != nil {
			return fmt.Errorf("webhook: %s: %w", typ, err)
		}
		list = append(list, Entry{ID: id, Lane: n.Lane, Type: string(typ), Body: body, Created: now})
		return nil
	}
	c := n.Call
	if c != nil && n.Type != signaling.NewsRinging && n.Type != signaling.NewsMissed {
		if !c.RingUntil.IsZero() && !c.Unheard && now.Sub(c.Started) < maxPast {
			if err := add(signaling.NewsRinging, signaling.CallNewsID(signaling.NewsRinging, c.ID), c.Started, ringing(n)); err != nil {
				return nil, err
			}
		}
		if n.Type == signaling.NewsEnded && !c.Answered.IsZero() && now.Sub(c.Answered) < maxPast {
			if err := add(signaling.NewsAnswered, signaling.CallNewsID(signaling.NewsAnswered, c.ID), c.Answered, answered(c)); err != nil {
				return nil, err
			}
		}
	}
	return list, add(n.Type, n.ID, n.At, dataOf(n))
}

func dataOf(n *signaling.News) any {
	switch n.Type {
	case signaling.NewsRinging:
		return ringing(n)
	case signaling.NewsAnswered:
		return answered(n.Call)
	case signaling.NewsEnded, signaling.NewsMissed:
		return ended(n.Call)
	case signaling.NewsMessage:
		return MessageCreated{Offline: n.Offline, From: object(n.Author), Message: chat.AppendJSON(nil, n.Message)}
	default:
		p := n.Presence
		return Presence{User: p.User, Online: p.Online, Devices: p.Devices, LastSeen: stamp(p.LastSeen)}
	}
}

func ringing(n *signaling.News) Ringing {
	c := n.Call
	return Ringing{
		CallID: c.ID, Caller: c.Caller, Callee: c.Callee, Video: c.Video, Offline: n.Offline, CallerName: c.Info.CallerName,
		From: object(c.Info.From), Metadata: c.Info.Metadata, Started: stamp(c.Started), RingUntil: stamp(c.RingUntil),
	}
}

func answered(c *signaling.CallNews) Answered {
	return Answered{
		CallID: c.ID, Caller: c.Caller, Callee: c.Callee, Video: c.Video, Started: stamp(c.Started), Answered: stamp(c.Answered),
		CallerDevice: c.CallerDevice, CalleeDevice: c.CalleeDevice,
	}
}

func ended(c *signaling.CallNews) Ended {
	return Ended{
		CallID: c.ID, Caller: c.Caller, Callee: c.Callee, Reason: c.Reason, Video: c.Video, Missed: c.Missed() && !c.Unheard,
		Started: stamp(c.Started), Answered: stamp(c.Answered), Ended: stamp(c.Ended), DurationMs: c.Duration.Milliseconds(),
		CallerDevice: c.CallerDevice, CalleeDevice: c.CalleeDevice, Next: c.Next,
	}
}

func object(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

package main

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/push"
)

// pushNews tells what pushes of the news that are worth one. It takes all of it
// over at once, so that none waits: a push that comes late is of no use.
type pushNews struct{ to *push.Service }

// Name implements signaling.Notifier.
func (pushNews) Name() string { return "push" }

// Idle implements signaling.Idler.
func (p pushNews) Idle() bool { return p.to.Idle() }

// Notify implements signaling.Notifier. News that comes again is pushed again: it
// takes the place of the first.
func (p pushNews) Notify(_ context.Context, list []signaling.News) error {
	for i := range list {
		p.tell(&list[i])
	}
	return nil
}

func (p pushNews) tell(n *signaling.News) {
	switch {
	case n.Call != nil:
		p.tellCall(n.Type, n.Call)
	case n.Type == signaling.NewsMessage && n.Offline && !n.Message.HiddenFrom(n.Message.Receiver) && n.Message.Sender != n.Message.Receiver:
		m := n.Message
		p.to.Messaged(push.Message{ID: m.ID, User: m.Receiver, From: m.Sender, Name: nameIn(n.Author), Text: m.Text})
	}
}

func (p pushNews) tellCall(typ signaling.NewsType, c *signaling.CallNews) {
	if c.Unheard {
		return
	}
	name := c.Info.CallerName
	if name == "" {
		name = nameIn(c.Info.From)
	}
	over := push.Over{CallID: c.ID, User: c.Callee, From: c.Caller, Name: name, Video: c.Video, Reason: string(c.Reason)}
	switch typ {
	case signaling.NewsRinging:
		p.to.Ringing(push.Ring{CallID: c.ID, User: c.Callee, From: c.Caller, Name: name, Video: c.Video, Until: c.RingUntil})
	case signaling.NewsAnswered:
		over.Reason = string(call.AnsweredElsewhere)
		p.to.RingOver(over)
	case signaling.NewsEnded:
		over.Missed = c.Missed()
		switch {
		case !c.Answered.IsZero(): // its ring is over for long
		case c.Reason == call.Busy, c.RingUntil.IsZero() && !over.Missed: // it never rang
		default:
			p.to.RingOver(over)
		}
	}
}

// nameIn is the name that a profile shows, or "".
func nameIn(profile []byte) string {
	var p struct {
		FullName  string `json:"fullName"`
		FullName2 string `json:"fullname"`
		Name      string `json:"name"`
		Username  string `json:"username"`
	}
	if json.Unmarshal(profile, &p) != nil {
		return ""
	}
	return cmp.Or(p.FullName, p.FullName2, p.Name, p.Username)
}

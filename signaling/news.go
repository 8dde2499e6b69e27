package signaling

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
)

// News is what people who are not connected, and back ends, may want to hear of:
// calls, messages, who comes and goes (M9). The switchboard tells its Notifiers;
// what they make of it (webhooks, push) is their business.

// NewsType names what has happened.
type NewsType string

// The types. A call that was refused at once (busy, offline, forbidden) has only
// NewsEnded, and NewsMissed if its record counts as missed: exactly one NewsEnded
// goes with each record of the call log (C14).
const (
	NewsRinging  NewsType = "call.ringing"
	NewsAnswered NewsType = "call.answered"
	NewsEnded    NewsType = "call.ended"
	NewsMissed   NewsType = "call.missed"
	NewsMessage  NewsType = "message.created"
	NewsOnline   NewsType = "presence.online"
	NewsOffline  NewsType = "presence.offline"
)

// News is one thing that happened. What it points to is shared: do not change it.
type News struct {
	// ID is made of what happened: whoever tells of the same thing again, on
	// whichever node, gives it the same ID. Letters and digits, and one "_".
	ID   string
	Type NewsType
	At   time.Time
	// Lane names what this news is about: a call, a conversation, a user. News of
	// one lane are told in their order.
	Lane string
	// Offline: no device of the callee, or of the receiver, was connected.
	Offline bool

	// One of them is set. Author is the profile of a message's author, as its
	// receiver is shown it (a JSON object with _id).
	Call     *CallNews
	Message  *chat.Message
	Author   json.RawMessage
	Presence *presence.State
}

// CallNews is a call as it stood when the news was made: what came later than
// the news may be in it, if it is told again.
type CallNews struct {
	// Record is that of the call log, complete once the call has ended.
	call.Record
	// CallerName and From (a JSON object with _id) are what the callee is shown;
	// Metadata is the caller's own, or nil.
	Info call.Info
	// RingUntil is when ringing ends; zero if it never rang.
	RingUntil time.Time
	// Unheard: the callee has blocked the caller, and hears nothing of it.
	Unheard bool
}

// Notifier hears of news. Each has a queue of its own, which it may fill by being
// slow: then news are dropped, and counted.
type Notifier interface {
	// Name is for logs and metrics.
	Name() string
	// Notify takes news over, oldest first. After an error the same are given
	// again, a little later: what was taken must be known by its ID. It is called
	// by one goroutine at a time.
	Notify(ctx context.Context, list []News) error
}

// Idler is a Notifier that may have nothing to tell anybody: while it says so it is
// told nothing.
type Idler interface {
	// Idle must be quick.
	Idle() bool
}

// newsID makes an ID of what happened.
func newsID(typ NewsType, what ...string) string {
	sum := sha256.Sum256([]byte(string(typ) + "\x00" + strings.Join(what, "\x00")))
	return "evt_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// CallNewsID is the ID that news of that type about a call has: for who tells of
// a call's past because it may have been told to nobody.
func CallNewsID(typ NewsType, callID string) string { return newsID(typ, callID) }

// callNews lists the news in what a step wants told.
func callNews(c *call.Call, fx []call.Effect) (list []News) {
	var about *CallNews
	add := func(typ NewsType, at call.Stamp) {
		if about == nil {
			about = &CallNews{Record: c.Record(), Info: c.Info, RingUntil: c.RingUntil.Time()}
			about.Callee, about.Unheard = called(c.Callee.User), isScreened(c.Callee.User)
			about.Info.From = bytes.Clone(c.Info.From) // they may be borrowed
			about.Info.Metadata = bytes.Clone(c.Info.Metadata)
		}
		list = append(list, News{
			ID: newsID(typ, c.ID), Type: typ, At: at.Time(), Lane: "call/" + c.ID, Offline: c.Cold, Call: about,
		})
	}
	unheard := isScreened(c.Callee.User)
	for i := range fx {
		switch e := &fx[i]; {
		case e.Kind == call.EffectState && e.State == call.Ringing && e.To.User == c.Caller.User && !unheard:
			add(NewsRinging, c.Started)
		case e.Kind == call.EffectState && e.State == call.Answered && e.To.User == c.Caller.User:
			add(NewsAnswered, c.AnswerAt)
		case e.Kind == call.EffectLog:
			add(NewsEnded, c.EndAt)
			if about.Missed() && !unheard {
				add(NewsMissed, c.EndAt)
			}
		}
	}
	return list
}

// interruptedNews lists the news in the record of a call that a node took with it
// when it died.
func interruptedNews(r *call.Record) []News {
	about := &CallNews{Record: *r, RingUntil: r.Ended}
	about.Reason, about.Unheard = heard(r.Reason)
	n := News{ID: newsID(NewsEnded, r.ID), Type: NewsEnded, At: r.Ended, Lane: "call/" + r.ID, Call: about}
	if !about.Missed() || about.Unheard {
		return []News{n}
	}
	missed := n
	missed.ID, missed.Type = newsID(NewsMissed, r.ID), NewsMissed
	return []News{n, missed}
}

// publish tells of a call's step. done, if not nil, becomes due only when every
// notifier has taken the news, too: what it settles is not told again.
func (sw *Switchboard) publish(c *call.Call, fx []call.Effect, done func()) func() {
	if sw.nobodyListens() {
		return done
	}
	list := callNews(c, fx)
	if len(list) == 0 {
		return done
	}
	if done == nil {
		sw.tellNews(list, nil)
		return nil
	}
	both := newBoth(done)
	sw.tellNews(list, both)
	return both
}

// newMessage tells of a stored message.
func (sw *Switchboard) newMessage(ctx context.Context, m *chat.Message, author []byte) {
	if sw.nobodyListens() || slices.Contains(m.HiddenFor, m.Receiver) {
		return
	}
	there, err := sw.present(ctx, m.Receiver)
	if err != nil { // other nodes are out of reach
		there = nil
		for _, s := range sw.hub.of(m.Receiver) {
			if s.isLive() {
				there = append(there, s.who())
			}
		}
	}
	two := []string{m.Sender, m.Receiver}
	slices.Sort(two)
	sw.tellNews([]News{{
		ID: newsID(NewsMessage, m.ID), Type: NewsMessage, At: m.Created, Lane: "talk/" + strings.Join(two, "/"),
		Offline: len(there) == 0, Message: m, Author: author,
	}}, nil)
}

// Flipped tells of a user who has come online or gone offline (P5). The version
// is another one each time.
func (sw *Switchboard) Flipped(st presence.State, version int64) {
	if sw.nobodyListens() || sw.leaving.Load() {
		return
	}
	typ := NewsOffline
	if st.Online {
		typ = NewsOnline
	}
	sw.tellNews([]News{{
		ID: newsID(typ, st.User, strconv.FormatInt(version, 10)), Type: typ, At: time.UnixMicro(version), Lane: "user/" + st.User,
		Presence: &st,
	}}, nil)
}

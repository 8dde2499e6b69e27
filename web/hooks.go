package web

import (
	"reflect"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/permit"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
	"github.com/tandem-rtc/tandem/web/apidoc"
)

// documentedHooks describes what back ends are told and asked.
func documentedHooks() []apidoc.Webhook {
	event := func(typ signaling.NewsType, data reflect.Type, summary string) apidoc.Webhook {
		return apidoc.Webhook{Type: string(typ), Data: data, Summary: summary}
	}
	return []apidoc.Webhook{
		event(signaling.NewsRinging, typed[webhook.Ringing](), "A call begins to ring"),
		event(signaling.NewsAnswered, typed[webhook.Answered](), "The first device has answered"),
		event(signaling.NewsEnded, typed[webhook.Ended](), "A call is over, or was refused at once"),
		event(signaling.NewsMissed, typed[webhook.Ended](), "A call that is over counts as missed for its callee"),
		event(signaling.NewsMessage, typed[webhook.MessageCreated](), "A message was stored"),
		event(signaling.NewsOnline, typed[webhook.Presence](), "A user's first device has come"),
		event(signaling.NewsOffline, typed[webhook.Presence](), "A user's last device has left"),
		{
			Type: permit.RequestType, Body: typed[permit.Request](), Answer: typed[permit.Verdict](),
			Summary: "May a user call, or write to, another one? Asked of `TANDEM_PERMIT_URL` before that is done",
		},
	}
}

// hookFields are the types of what is raw JSON in webhooks, or may be missing only
// by mistake.
var hookFields = map[apidoc.Field]reflect.Type{
	{Type: typed[permit.Verdict](), Name: "Allow"}:           typed[bool](),
	{Type: typed[webhook.Ringing](), Name: "From"}:           typed[shape.Profile](),
	{Type: typed[webhook.MessageCreated](), Name: "From"}:    typed[shape.Profile](),
	{Type: typed[webhook.MessageCreated](), Name: "Message"}: typed[shape.Message](),
}

package apidoc

import (
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/shape"
)

// extendedCalls are the events of calls in the extended profile (PROTOCOL.md §3).
func extendedCalls() []Event {
	inCall := []wire.Code{wire.CodeNotInCall, wire.CodeCallEnded, wire.CodeNotFound}
	list := []Event{
		{
			Name: wire.CallRinging, To: Client, Tag: "Calls",
			Summary: "At least one device of the callee rings.",
			Args:    []Arg{arg[shape.CallRinging]("ringing")}, Cause: wire.CallUser, At: "me",
			Shown: `[{"callId":"${callId}","devices":1}]`,
		},
		{
			Name: wire.CallCandidate, Tag: "Calls",
			Summary: "ICE candidates, up to 64 at a time. What comes before the other side can use it is kept.",
			Args:    []Arg{arg[shape.CallCandidates]("more")}, Ack: ack[shape.Nothing](), Codes: inCall,
			Example: Try{Before: "answered", Body: `{"callId":"${callId}","candidates":[{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"}]}`},
		},
		{
			Name: wire.CallCandidate, To: Client, Tag: "Calls",
			Summary: "ICE candidates of the other party.",
			Args:    []Arg{arg[shape.CallCandidates]("more")}, Cause: wire.CallCandidate, At: "peer",
			Shown: `[{"callId":"${callId}","candidates":[{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"}]}]`,
		},
		{
			Name: wire.CallSignal, Tag: "Calls",
			Summary: "Anything inside a call: renegotiation, ICE restart, hold.",
			Args:    []Arg{arg[shape.CallSignal]("signal")}, Ack: ack[shape.Nothing](), Codes: inCall,
			Example: Try{Before: "answered", Body: `{"callId":"${callId}","signal":{"hold":true}}`},
		},
		{
			Name: wire.CallSignal, To: Client, Tag: "Calls",
			Summary: "A signal of the other party.",
			Args:    []Arg{arg[shape.CallSignal]("signal")}, Cause: wire.CallSignal, At: "peer",
			Shown: `[{"callId":"${callId}","signal":{"hold":true}}]`,
		},
		{
			Name: wire.CallPeer, To: Client, Tag: "Calls",
			Summary: "The other party's connection was lost, or is back. Media between the two goes on meanwhile.",
			Args:    []Arg{arg[shape.CallPeer]("peer")},
			Shown:   `[{"callId":"${callId}","state":"reconnecting"}]`,
		},
		{
			Name: wire.CallResume, Tag: "Calls",
			Summary: "A reloaded page, or another device, takes its live call again.",
			Args:    []Arg{arg[shape.CallName]("call")}, Ack: ack[shape.Resumed](), Codes: append(inCall, wire.CodeAlreadyAnswered),
			Example: Try{Before: "answered", Body: `{"callId":"${callId}"}`},
		},
		{
			Name: wire.CallHandoff, Tag: "Calls",
			Summary: "This device takes its user's side of an answered call.",
			Args:    []Arg{arg[shape.CallName]("call")}, Ack: ack[shape.Resumed](), Codes: append(inCall, wire.CodeNotAnswered),
			Example: Try{Before: "answered", Body: `{"callId":"${callId}"}`},
		},
		{
			Name: wire.CallTransfer, Tag: "Calls",
			Summary: "Sends the other party to a third user, or to the other party of a second call. This call ends.",
			Args:    []Arg{arg[shape.TransferOrder]("order")}, Ack: ack[shape.CallReply](), Codes: append(inCall, wire.CodeNotAnswered, wire.CodeNotConfigured),
			Example: Try{Before: "answered", Body: `{"callId":"${callId}","to":"${third}"}`},
		},
		{
			Name: wire.CallTransfer, To: Client, Tag: "Calls",
			Summary: "Ring `to`: the other party has sent you there.",
			Args:    []Arg{arg[shape.Transfer]("transfer")}, Cause: wire.CallTransfer, At: "peer",
			Shown: `[{"callId":"${callId}","to":"${third}","by":"${me}","isVideoCall":false}]`,
		},
		{
			Name: wire.CallInvite, Tag: "Calls",
			Summary: "A third party joins. Answered with `not_configured` in this release.",
			Args:    []Arg{optional[shape.TransferOrder]("order")}, Codes: []wire.Code{wire.CodeNotConfigured},
		},
		{
			Name: wire.CallState, To: Client, Tag: "Calls",
			Summary: "What became of a call, to all devices of both users.",
			Args:    []Arg{arg[shape.CallChange]("change")}, Cause: wire.CallEnd, At: "me",
			Shown: `[{"callId":"${callId}","state":"ended","reason":"cancelled"}]`,
		},
	}
	return extended(list)
}

func extended(list []Event) []Event {
	for i := range list {
		list[i].Extended = true
	}
	return list
}

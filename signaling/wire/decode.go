package wire

import (
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// fields walks the single object argument of an event, which its dialect has
// validated as JSON. f gets each member and reports a problem with it; fields
// reports the first.
func fields(args [][]byte, f func(key, value []byte) *Problem) error {
	if len(args) == 0 {
		return Errorf(CodeBadPayload, "This event takes an object as its first argument.")
	}
	var bad *Problem
	err := rawjson.Members(args[0], func(k, v []byte) bool {
		bad = f(k, v)
		return bad == nil
	})
	if bad != nil {
		return bad
	}
	if err != nil {
		return Errorf(CodeBadPayload, "The first argument has to be a JSON object.")
	}
	return nil
}

func wrongType(field, want string) *Problem {
	return Errorf(CodeBadPayload, field+" has to be "+want+".")
}

// text reads a string member into *dst. null counts as absent, as front ends
// that have not loaded a value yet send it.
func text(field string, raw []byte, limit int, dst *string) *Problem {
	if rawjson.IsNull(raw) {
		return nil
	}
	s, ok := rawjson.String(raw)
	if !ok {
		return wrongType(field, "a string")
	}
	if len(s) > limit {
		return Errorf(CodeBadPayload, field+" is too long.")
	}
	*dst = s
	return nil
}

// userID reads a member that names a user.
func userID(field string, raw []byte, dst *string) *Problem {
	if p := text(field, raw, MaxUserID, dst); p != nil {
		return p
	}
	if !ValidUserID(*dst) && *dst != "" {
		return wrongType(field, "a user id")
	}
	return nil
}

func missing(field string) error { return Errorf(CodeBadPayload, field+" is missing.") }

// DecodeCallUser reads the arguments of call:user.
func DecodeCallUser(args [][]byte) (p CallUserPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "to":
			return userID("to", v, &p.To)
		case "signal":
			p.Signal = v
		case "from":
			if len(v) > 0 && v[0] == '{' {
				p.From = v
			}
		case "callerName":
			return text("callerName", v, MaxName, &p.CallerName)
		case "isVideoCall":
			switch string(v) {
			case "true":
				p.IsVideo = true
			case "false", "null":
			default:
				return wrongType("isVideoCall", "true or false")
			}
		case "callId":
			return text("callId", v, MaxCallID, &p.CallID)
		case "ringFor":
			if rawjson.IsNull(v) {
				return nil
			}
			n, ok := rawjson.Int64(v)
			if !ok || n <= 0 || n > int64(MaxRingFor/time.Millisecond) {
				return wrongType("ringFor", "milliseconds from 1 to 300000")
			}
			p.RingFor = time.Duration(n) * time.Millisecond
		case "metadata":
			if len(v) > MaxMetadata {
				return Errorf(CodeBadPayload, "metadata is too large.")
			}
			if !rawjson.IsNull(v) {
				p.Metadata = v
			}
		}
		return nil
	})
	switch {
	case err != nil:
	case p.To == "":
		err = missing("to")
	case p.Signal == nil:
		err = missing("signal")
	}
	return p, err
}

// DecodeCallAnswer reads the arguments of call:answer.
func DecodeCallAnswer(args [][]byte) (p CallAnswerPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "to":
			return userID("to", v, &p.To)
		case "callId":
			return text("callId", v, MaxCallID, &p.CallID)
		case "signal":
			p.Signal = v
		}
		return nil
	})
	switch {
	case err != nil:
	case p.Signal == nil:
		err = missing("signal")
	case p.To == "" && p.CallID == "":
		err = missing("to")
	}
	return p, err
}

// DecodeCallRef reads the arguments of an event that only names a call. Neither
// field is required: existing front ends leave them out, and the device's one
// live call is meant then (C1, C7). A wrong type of "to" counts as absent for
// the same reason.
func DecodeCallRef(args [][]byte) (p CallRefPayload, err error) {
	if len(args) == 0 {
		return p, nil
	}
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "to":
			if s, ok := rawjson.String(v); ok && ValidUserID(s) {
				p.To = s
			}
		case "callId":
			return text("callId", v, MaxCallID, &p.CallID)
		}
		return nil
	})
	return p, err
}

// DecodeCallSignal reads the arguments of call:signal.
func DecodeCallSignal(args [][]byte) (p CallSignalPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "callId":
			return text("callId", v, MaxCallID, &p.CallID)
		case "signal":
			p.Signal = v
		}
		return nil
	})
	switch {
	case err != nil:
	case p.CallID == "":
		err = missing("callId")
	case p.Signal == nil:
		err = missing("signal")
	}
	return p, err
}

// DecodeCallCandidate reads the arguments of call:candidate.
func DecodeCallCandidate(args [][]byte) (p CallCandidatePayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "callId":
			return text("callId", v, MaxCallID, &p.CallID)
		case "candidates":
			var few [16][]byte
			list, err := rawjson.Array(few[:0], v)
			if err != nil {
				return wrongType("candidates", "an array")
			}
			if len(list) > MaxCandidates {
				return Errorf(CodeBadPayload, "candidates has more than 64 entries.")
			}
			p.Candidates = v
		}
		return nil
	})
	switch {
	case err != nil:
	case p.CallID == "":
		err = missing("callId")
	case p.Candidates == nil:
		err = missing("candidates")
	}
	return p, err
}

// DecodeCallTransfer reads the arguments of call:transfer.
func DecodeCallTransfer(args [][]byte) (p CallTransferPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "callId":
			return text("callId", v, MaxCallID, &p.CallID)
		case "to":
			return userID("to", v, &p.To)
		case "withCallId":
			return text("withCallId", v, MaxCallID, &p.WithCallID)
		}
		return nil
	})
	switch {
	case err != nil:
	case p.CallID == "":
		err = missing("callId")
	case p.To == "" && p.WithCallID == "":
		err = missing("to")
	}
	return p, err
}

// DecodeTyping reads the arguments of typing and stopTyping.
func DecodeTyping(args [][]byte) (p TypingPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		if string(k) == "receiverId" {
			return userID("receiverId", v, &p.ReceiverID)
		}
		return nil
	})
	if err == nil && p.ReceiverID == "" {
		err = missing("receiverId")
	}
	return p, err
}

// DecodeReceipt reads the arguments of messageDelivered and messageSeen.
func DecodeReceipt(args [][]byte) (p ReceiptPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		switch string(k) {
		case "messageId":
			return text("messageId", v, MaxMessageID, &p.MessageID)
		case "senderId":
			return userID("senderId", v, &p.SenderID)
		}
		return nil
	})
	switch {
	case err != nil:
	case p.MessageID == "":
		err = missing("messageId")
	case p.SenderID == "":
		err = missing("senderId")
	}
	return p, err
}

// DecodeAllSeen reads the arguments of allmessageSeen.
func DecodeAllSeen(args [][]byte) (p AllSeenPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		if string(k) == "senderId" {
			return userID("senderId", v, &p.SenderID)
		}
		return nil
	})
	if err == nil && p.SenderID == "" {
		err = missing("senderId")
	}
	return p, err
}

// DecodeWatch reads the arguments of presence:watch and presence:unwatch.
func DecodeWatch(args [][]byte) (p WatchPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		if string(k) != "users" {
			return nil
		}
		list, err := rawjson.Array(nil, v)
		if err != nil {
			return wrongType("users", "an array of user ids")
		}
		if len(list) > MaxWatch {
			return Errorf(CodeBadPayload, "users has more than 500 entries.")
		}
		p.Users = make([]string, 0, len(list))
		for _, raw := range list {
			s, ok := rawjson.String(raw)
			if !ok || !ValidUserID(s) {
				return wrongType("users", "an array of user ids")
			}
			p.Users = append(p.Users, s)
		}
		return nil
	})
	if err == nil && p.Users == nil {
		err = missing("users")
	}
	return p, err
}

// DecodeRefresh reads the arguments of auth:refresh.
func DecodeRefresh(args [][]byte) (p RefreshPayload, err error) {
	err = fields(args, func(k, v []byte) *Problem {
		if string(k) == "token" {
			return text("token", v, MaxToken, &p.Token)
		}
		return nil
	})
	if err == nil && p.Token == "" {
		err = missing("token")
	}
	return p, err
}

package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// decoders gives every Decode function one shape.
var decoders = map[string]func([][]byte) (any, error){
	"CallUser":      func(a [][]byte) (any, error) { return DecodeCallUser(a) },
	"CallAnswer":    func(a [][]byte) (any, error) { return DecodeCallAnswer(a) },
	"CallRef":       func(a [][]byte) (any, error) { return DecodeCallRef(a) },
	"CallSignal":    func(a [][]byte) (any, error) { return DecodeCallSignal(a) },
	"CallCandidate": func(a [][]byte) (any, error) { return DecodeCallCandidate(a) },
	"CallTransfer":  func(a [][]byte) (any, error) { return DecodeCallTransfer(a) },
	"Typing":        func(a [][]byte) (any, error) { return DecodeTyping(a) },
	"Receipt":       func(a [][]byte) (any, error) { return DecodeReceipt(a) },
	"AllSeen":       func(a [][]byte) (any, error) { return DecodeAllSeen(a) },
	"Watch":         func(a [][]byte) (any, error) { return DecodeWatch(a) },
	"Refresh":       func(a [][]byte) (any, error) { return DecodeRefresh(a) },

	"MessageSend":    func(a [][]byte) (any, error) { return DecodeMessageSend(a) },
	"MessageSync":    func(a [][]byte) (any, error) { return DecodeMessageSync(a) },
	"MessageEdit":    func(a [][]byte) (any, error) { return DecodeMessageEdit(a) },
	"MessageReact":   func(a [][]byte) (any, error) { return DecodeMessageReact(a) },
	"MessageDelete":  func(a [][]byte) (any, error) { return DecodeMessageDelete(a) },
	"MessageHistory": func(a [][]byte) (any, error) { return DecodeMessageHistory(a) },
	"Conversations":  func(a [][]byte) (any, error) { return DecodeConversations(a) },
	"UserBlock":      func(a [][]byte) (any, error) { return DecodeUserBlock(a) },
}

var yes = true

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func long(n int) string { return strings.Repeat("x", n) }

func users(n int) string {
	return `["` + strings.Repeat(`u","`, n-1) + `u"]`
}

func nulls(n int) string { return "[" + strings.Repeat("null,", n-1) + "null]" }

// TestDecode_Accepts: what is right, and what front ends send all the same.
func TestDecode_Accepts(t *testing.T) {
	for _, c := range []struct {
		name, arg string
		want      any
	}{
		{"CallUser", `{"to":"b","signal":{"sdp":"x"}}`, CallUserPayload{To: "b", Signal: raw(`{"sdp":"x"}`)}},
		{"CallUser", `{"to":"b","signal":null}`, CallUserPayload{To: "b", Signal: raw(`null`)}},
		{"CallUser", `{"to":"b","signal":[1],"from":{"_id":"a"},"fromId":"a","callerName":"Ann \u00e9","isVideoCall":true,"callId":"k","ringFor":300000,"metadata":{"x":1},"other":{}}`,
			CallUserPayload{To: "b", Signal: raw(`[1]`), From: raw(`{"_id":"a"}`), CallerName: "Ann é", IsVideo: true, CallID: "k", RingFor: 5 * time.Minute, Metadata: raw(`{"x":1}`)}},
		{"CallUser", `{"to":"b","signal":1,"from":"not yet","callerName":null,"isVideoCall":null,"callId":null,"ringFor":null,"metadata":null}`, CallUserPayload{To: "b", Signal: raw(`1`)}},
		{"CallUser", `{"to":"` + long(128) + `","signal":"s","callerName":"` + long(256) + `","callId":"` + long(128) + `","metadata":"` + long(4094) + `"}`,
			CallUserPayload{To: long(128), Signal: raw(`"s"`), CallerName: long(256), CallID: long(128), Metadata: raw(`"` + long(4094) + `"`)}},
		{"CallAnswer", `{"to":"a","signal":{}}`, CallAnswerPayload{To: "a", Signal: raw(`{}`)}},
		{"CallAnswer", `{"callId":"k","signal":{},"from":"x"}`, CallAnswerPayload{CallID: "k", Signal: raw(`{}`)}},
		{"CallRef", `{}`, CallRefPayload{}},
		{"CallRef", `{"to":"b","from":"a","callId":"k"}`, CallRefPayload{To: "b", CallID: "k"}},
		{"CallRef", `{"to":17,"callId":null}`, CallRefPayload{}},
		{"CallRef", `{"to":"undefined"}`, CallRefPayload{}},
		{"CallRef", `{"to":{"_id":"b"}}`, CallRefPayload{}},
		{"CallSignal", `{"callId":"k","signal":{"type":"offer"}}`, CallSignalPayload{CallID: "k", Signal: raw(`{"type":"offer"}`)}},
		{"CallCandidate", `{"callId":"k","candidates":[]}`, CallCandidatePayload{CallID: "k", Candidates: raw(`[]`)}},
		{"CallCandidate", `{"callId":"k","candidates":` + nulls(64) + `}`, CallCandidatePayload{CallID: "k", Candidates: raw(nulls(64))}},
		{"CallTransfer", `{"callId":"k","to":"c"}`, CallTransferPayload{CallID: "k", To: "c"}},
		{"MessageSend", `{"to":"b","text":"t","media":null,"replyTo":null,"clientId":"c","other":1}`, MessageSendPayload{To: "b", Text: "t", ClientID: "c"}},
		{"MessageSend", `{"to":"b","media":"https://m.example/x","replyTo":"m"}`, MessageSendPayload{To: "b", Media: "https://m.example/x", ReplyTo: "m"}},
		{"MessageSend", `{"to":"b","text":"","replyTo":{"messageId":"m","message":"as a client says"}}`, MessageSendPayload{To: "b", ReplyTo: "m"}},
		{"MessageSync", `{}`, MessageSyncPayload{Limit: messagePage}},
		{"MessageSync", `{"since":null,"limit":null}`, MessageSyncPayload{Limit: messagePage}},
		{"MessageSync", `{"since":"c","limit":9000}`, MessageSyncPayload{Since: "c", Limit: MaxMessagePage}},
		{"MessageEdit", `{"messageId":"m","text":"t"}`, MessageEditPayload{MessageID: "m", Text: "t"}},
		{"MessageReact", `{"messageId":"m","emoji":"👍"}`, MessageReactPayload{MessageID: "m", Emoji: "👍"}},
		{"MessageReact", `{"messageId":"m","emoji":"👍","on":true}`, MessageReactPayload{MessageID: "m", Emoji: "👍", On: &yes}},
		{"MessageSync", `{"limit":0}`, MessageSyncPayload{}},
		{"MessageDelete", `{"messageId":"m"}`, MessageDeletePayload{MessageID: "m"}},
		{"MessageDelete", `{"messageId":"m","forMe":true}`, MessageDeletePayload{MessageID: "m", ForMe: true}},
		{"MessageHistory", `{"peer":"b","before":"m","limit":3}`, MessageHistoryPayload{Peer: "b", Before: "m", Limit: 3}},
		{"MessageHistory", `{"peer":"b"}`, MessageHistoryPayload{Peer: "b"}},
		{"Conversations", `{"cursor":"c","limit":1}`, ConversationsPayload{Cursor: "c", Limit: 1}},
		{"UserBlock", `{"userId":"b","other":1}`, UserBlockPayload{UserID: "b"}},
		{"CallTransfer", `{"callId":"k","withCallId":"l"}`, CallTransferPayload{CallID: "k", WithCallID: "l"}},
		{"Typing", `{"senderId":"sid","receiverId":"b"}`, TypingPayload{ReceiverID: "b"}},
		{"Typing", `{"senderId":17,"receiverId":"b"}`, TypingPayload{ReceiverID: "b"}},
		{"Receipt", `{"messageId":"m","senderId":"a"}`, ReceiptPayload{MessageID: "m", SenderID: "a"}},
		{"AllSeen", `{"receiverId":"b","senderId":"a"}`, AllSeenPayload{SenderID: "a"}},
		{"Watch", `{"users":[]}`, WatchPayload{Users: []string{}}},
		{"Watch", `{"users":["a","b"]}`, WatchPayload{Users: []string{"a", "b"}}},
		{"Refresh", `{"token":"` + long(MaxToken) + `"}`, RefreshPayload{Token: long(MaxToken)}},
	} {
		got, err := decoders[c.name]([][]byte{[]byte(c.arg), []byte(`"a second argument"`)})
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("Decode%s(%.80s) is %+v, %v; want %+v", c.name, c.arg, got, err, c.want)
		}
	}
	if _, err := DecodeCallRef(nil); err != nil {
		t.Errorf("call:end without an argument: %v", err)
	}
}

// TestDecode_Refuses: missing, of a wrong type, out of bounds. The sentence
// names the field.
func TestDecode_Refuses(t *testing.T) {
	for _, c := range []struct{ name, arg, says string }{
		{"CallUser", `{"signal":{}}`, "to is missing"},
		{"CallUser", `{"to":"b"}`, "signal is missing"},
		{"CallUser", `{"to":17,"signal":{}}`, "to has to be"},
		{"CallUser", `{"to":"undefined","signal":{}}`, "to has to be a user id"},
		{"CallUser", `{"to":"null","signal":{}}`, "to has to be a user id"},
		{"CallUser", `{"to":"a\u0000b","signal":{}}`, "to has to be a user id"},
		{"CallUser", `{"to":"a\u2028b","signal":{}}`, "to has to be a user id"},
		{"CallUser", `{"to":"` + long(129) + `","signal":{}}`, "to is too long"},
		{"CallUser", `{"to":"b","signal":{},"callerName":{}}`, "callerName has to be"},
		{"CallUser", `{"to":"b","signal":{},"callerName":"` + long(257) + `"}`, "callerName is too long"},
		{"CallUser", `{"to":"b","signal":{},"isVideoCall":"yes"}`, "isVideoCall has to be"},
		{"CallUser", `{"to":"b","signal":{},"callId":7}`, "callId has to be"},
		{"CallUser", `{"to":"b","signal":{},"callId":"` + long(129) + `"}`, "callId is too long"},
		{"CallUser", `{"to":"b","signal":{},"ringFor":0}`, "ringFor has to be"},
		{"CallUser", `{"to":"b","signal":{},"ringFor":300001}`, "ringFor has to be"},
		{"CallUser", `{"to":"b","signal":{},"ringFor":-1}`, "ringFor has to be"},
		{"CallUser", `{"to":"b","signal":{},"ringFor":"1000"}`, "ringFor has to be"},
		{"CallUser", `{"to":"b","signal":{},"ringFor":99999999999999999999}`, "ringFor has to be"},
		{"CallUser", `{"to":"b","signal":{},"metadata":"` + long(4095) + `"}`, "metadata is too large"},
		{"CallAnswer", `{"to":"a"}`, "signal is missing"},
		{"CallAnswer", `{"signal":{}}`, "to is missing"},
		{"CallAnswer", `{"to":[],"signal":{}}`, "to has to be"},
		{"CallRef", `{"callId":{}}`, "callId has to be"},
		{"CallSignal", `{"signal":{}}`, "callId is missing"},
		{"CallSignal", `{"callId":"k"}`, "signal is missing"},
		{"CallCandidate", `{"candidates":[]}`, "callId is missing"},
		{"CallCandidate", `{"callId":"k"}`, "candidates is missing"},
		{"CallCandidate", `{"callId":"k","candidates":{}}`, "candidates has to be an array"},
		{"CallCandidate", `{"callId":"k","candidates":` + nulls(65) + `}`, "more than 64"},
		{"CallTransfer", `{"to":"c"}`, "callId is missing"},
		{"CallTransfer", `{"callId":"k"}`, "to is missing"},
		{"CallTransfer", `{"callId":"k","to":3}`, "to has to be"},
		{"Typing", `{}`, "receiverId is missing"},
		{"Typing", `{"receiverId":null}`, "receiverId is missing"},
		{"Typing", `{"receiverId":[]}`, "receiverId has to be"},
		{"Receipt", `{"senderId":"a"}`, "messageId is missing"},
		{"Receipt", `{"messageId":"m"}`, "senderId is missing"},
		{"Receipt", `{"messageId":"` + long(129) + `","senderId":"a"}`, "messageId is too long"},
		{"AllSeen", `{"receiverId":"b"}`, "senderId is missing"},
		{"Watch", `{}`, "users is missing"},
		{"Watch", `{"users":"a"}`, "users has to be an array"},
		{"Watch", `{"users":[1]}`, "users has to be an array"},
		{"Watch", `{"users":[""]}`, "users has to be an array"},
		{"Watch", `{"users":` + users(501) + `}`, "more than 500"},
		{"Refresh", `{}`, "token is missing"},
		{"MessageSend", `{"text":"t"}`, "to is missing"},
		{"MessageSend", `{"to":"undefined","text":"t"}`, "to"},
		{"MessageSend", `{"to":"b","text":7}`, "text has to be"},
		{"MessageSend", `{"to":"b","media":"` + long(maxMedia+1) + `"}`, "media is too long"},
		{"MessageSend", `{"to":"b","replyTo":{"messageId":7}}`, "replyTo.messageId has to be"},
		{"MessageSend", `{"to":"b","clientId":"` + long(129) + `"}`, "clientId is too long"},
		{"MessageSync", `{"since":7}`, "since has to be"},
		{"MessageSync", `{"limit":-1}`, "limit has to be"},
		{"MessageHistory", `{"peer":"b","limit":0}`, "limit has to be"},
		{"MessageReact", `{"messageId":"m","emoji":"x","on":1}`, "on has to be"},
		{"MessageSync", `{"limit":"7"}`, "limit has to be"},
		{"MessageEdit", `{"text":"t"}`, "messageId is missing"},
		{"MessageReact", `{"messageId":"m","emoji":"` + long(maxEmoji+1) + `"}`, "emoji is too long"},
		{"MessageDelete", `{"messageId":"m","forMe":"yes"}`, "forMe has to be"},
		{"MessageHistory", `{}`, "peer is missing"},
		{"Conversations", `{"limit":-1}`, "limit has to be"},
		{"UserBlock", `{}`, "userId is missing"},
		{"UserBlock", `{"userId":"\u0001b"}`, "userId"},
		{"Refresh", `{"token":"` + long(MaxToken+1) + `"}`, "token is too long"},
	} {
		got, err := decoders[c.name]([][]byte{[]byte(c.arg)})
		p, known := ProblemOf(err)
		if err == nil || !known || p.Code != CodeBadPayload || !strings.Contains(p.Message, c.says) {
			t.Errorf("Decode%s(%.80s) is %+v, %v; want bad_payload with %q", c.name, c.arg, got, err, c.says)
		}
	}
}

func TestDecode_NeedsAnObject(t *testing.T) {
	for name, decode := range decoders {
		for _, args := range [][][]byte{nil, {}, {[]byte(`null`)}, {[]byte(`[]`)}, {[]byte(`"x"`)}, {[]byte(`17`)}, {[]byte(`{"to":`)}, {[]byte(``)}} {
			if (name == "CallRef" || name == "MessageSync" || name == "Conversations") && len(args) == 0 {
				continue
			}
			_, err := decode(args)
			if p, known := ProblemOf(err); err == nil || !known || p.Code != CodeBadPayload {
				t.Errorf("Decode%s(%q): %v, want bad_payload", name, args, err)
			}
		}
	}
}

func TestValidUserID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "507f1f77bcf86cd799439011": true, "ünï": true, long(128): true, "a b": true,
		"": false, "undefined": false, "null": false, long(129): false, "a\x00": false, "\x7f": false, "\u0085": false, "a\u2029": false, "\xff": false,
	} {
		if ValidUserID(id) != want {
			t.Errorf("ValidUserID(%q) is %t", id, !want)
		}
	}
}

// fuzz feeds one decoder: it must not panic, refuse with bad_payload only, and
// keep to the bounds in what it accepts. A dialect hands on valid JSON only; of
// anything else the decoders may take what they find, but nothing out of bounds.
func fuzz(f *testing.F, name string) {
	f.Helper()
	for _, s := range []string{`{}`, `null`, `{"to":"b","signal":{},"callId":"k","candidates":[{}],"users":["a"],"token":"t","receiverId":"r","messageId":"m","senderId":"s","withCallId":"w","ringFor":1,"metadata":{},"isVideoCall":true,"callerName":"n"}`,
		`{"to":"b","text":"t","media":"https://m.example/x","replyTo":{"messageId":"m","message":"x"},"clientId":"c"}`, `{"to":"b","replyTo":"m"}`,
		`{"since":"c","limit":7}`, `{"messageId":"m","text":"t","emoji":"👍","forMe":true}`, `{"peer":"b","before":"m","limit":501,"cursor":"c"}`,
		`{"to":"\ud800","to":"b"}`, `{"users":["a",1]}`, `[[[[`, `{"signal":`, `{"to":"0"0"signal":A}`} {
		f.Add([]byte(s))
	}
	decode := decoders[name]
	f.Fuzz(func(t *testing.T, arg []byte) {
		got, err := decode([][]byte{arg})
		if err != nil {
			if p, known := ProblemOf(err); !known || p.Code != CodeBadPayload {
				t.Fatalf("%v is no bad_payload", err)
			}
			return
		}
		if err := bounded(got, arg); err != nil {
			t.Fatalf("%s accepted %q: %v", name, arg, err)
		}
	})
}

// bounded checks the fields of a decoded payload by their names.
func bounded(payload any, arg []byte) error {
	v := reflect.ValueOf(payload)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch x := v.Field(i).Interface().(type) {
		case string:
			limit := map[string]int{"CallID": MaxCallID, "WithCallID": MaxCallID, "CallerName": MaxName, "MessageID": MaxMessageID, "Token": MaxToken,
				"Text": MaxMessageText, "Media": maxMedia, "ReplyTo": MaxMessageID, "ClientID": MaxMessageID, "Before": MaxMessageID,
				"Emoji": maxEmoji, "Since": maxChatCursor, "Cursor": maxChatCursor}[name]
			if limit == 0 && x != "" && !ValidUserID(x) {
				return fmt.Errorf("%s %q is no user id", name, x)
			}
			if limit > 0 && len(x) > limit {
				return fmt.Errorf("%s has %d bytes", name, len(x))
			}
		case json.RawMessage:
			if len(x) > len(arg) || (x != nil && json.Valid(arg) && !json.Valid(x)) {
				return fmt.Errorf("%s %q is not a valid part of the argument", name, x)
			}
			if name == "Metadata" && len(x) > MaxMetadata {
				return fmt.Errorf("metadata has %d bytes", len(x))
			}
		case []string:
			if len(x) > MaxWatch {
				return fmt.Errorf("%d users", len(x))
			}
			for _, u := range x {
				if !ValidUserID(u) {
					return fmt.Errorf("%q is no user id", u)
				}
			}
		case int:
			if x < 0 || x > MaxMessagePage {
				return fmt.Errorf("%s is %d", name, x)
			}
		case time.Duration:
			if x < 0 || x > MaxRingFor {
				return fmt.Errorf("%s is %v", name, x)
			}
		}
	}
	return nil
}

func FuzzDecodeCallUser(f *testing.F)      { fuzz(f, "CallUser") }
func FuzzDecodeCallAnswer(f *testing.F)    { fuzz(f, "CallAnswer") }
func FuzzDecodeCallRef(f *testing.F)       { fuzz(f, "CallRef") }
func FuzzDecodeCallSignal(f *testing.F)    { fuzz(f, "CallSignal") }
func FuzzDecodeCallCandidate(f *testing.F) { fuzz(f, "CallCandidate") }
func FuzzDecodeCallTransfer(f *testing.F)  { fuzz(f, "CallTransfer") }
func FuzzDecodeTyping(f *testing.F)        { fuzz(f, "Typing") }
func FuzzDecodeReceipt(f *testing.F)       { fuzz(f, "Receipt") }
func FuzzDecodeAllSeen(f *testing.F)       { fuzz(f, "AllSeen") }
func FuzzDecodeWatch(f *testing.F)         { fuzz(f, "Watch") }
func FuzzDecodeRefresh(f *testing.F)       { fuzz(f, "Refresh") }

func FuzzDecodeMessageSend(f *testing.F)    { fuzz(f, "MessageSend") }
func FuzzDecodeMessageSync(f *testing.F)    { fuzz(f, "MessageSync") }
func FuzzDecodeMessageEdit(f *testing.F)    { fuzz(f, "MessageEdit") }
func FuzzDecodeMessageReact(f *testing.F)   { fuzz(f, "MessageReact") }
func FuzzDecodeMessageDelete(f *testing.F)  { fuzz(f, "MessageDelete") }
func FuzzDecodeMessageHistory(f *testing.F) { fuzz(f, "MessageHistory") }
func FuzzDecodeConversations(f *testing.F)  { fuzz(f, "Conversations") }
func FuzzDecodeUserBlock(f *testing.F)      { fuzz(f, "UserBlock") }

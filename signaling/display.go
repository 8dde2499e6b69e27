package signaling

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// maxProfile bounds the profile that a payload may bring (I2), in bytes.
const maxProfile = 4096

// profileOf makes the `from` object of a caller: the token's claims first, then
// the payload's allowed fields; _id is the verified user id. A callee's device
// never loads or shows what a stranger injected.
func (sw *Switchboard) profileOf(s *Session, payload json.RawMessage) json.RawMessage {
	o := newObject(make([]byte, 0, 64+len(s.profile)+len(s.user)))
	o.str("_id", s.user)
	have := make([]string, 0, 8)
	have = append(have, "_id")
	// addText appends an allowed field once.
	addText := func(k, raw []byte) bool {
		key := string(k)
		if slices.Contains(have, key) || !slices.Contains(sw.cfg.ProfileFields, key) {
			return true
		}
		v, ok := rawjson.String(raw)
		if !ok || v == "" || (isPicture(key) && !auth.WebURL(v)) {
			return true
		}
		have = append(have, key)
		o.str(key, clean(v))
		return true
	}
	if len(s.profile) > 0 {
		_ = rawjson.Object(s.profile, addText) // our own encoding
	}
	if len(payload) > 0 && len(payload) <= maxProfile {
		_ = rawjson.Object(payload, addText) // validated with the frame
	}
	return o.end()
}

// callerName is the name that a callee is shown: the token's, else the
// payload's.
func (s *Session) callerName(payload string) string {
	if s.name != "" {
		return s.name
	}
	return clean(payload)
}

func isPicture(key string) bool {
	return strings.EqualFold(key, "profilePic") || key == "picture" || key == "avatar"
}

// clean drops control and bidirectional-override characters from a text that
// people will see.
func clean(s string) string {
	bad := func(r rune) bool {
		return unicode.IsControl(r) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
	}
	if strings.IndexFunc(s, bad) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if bad(r) {
			return -1
		}
		return r
	}, s)
}

// sentences are what call:unavailable says to people. The one for busy is what
// existing front ends compare with.
var sentences = map[string]string{
	"busy":      "User is currently on another call",
	"offline":   "User is offline",
	"no_answer": "User did not answer",
	"forbidden": "You can not call this user",
	"error":     "The call could not be placed",
}

func sentence(code string) string {
	if s, ok := sentences[code]; ok {
		return s
	}
	return wire.Code(code).Message()
}

package permit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// maxMessage bounds the sentence that an endpoint has for people, in bytes.
const maxMessage = 300

// deny is the code of a no that has none.
const deny = wire.CodeForbidden

// Codes are those that an endpoint may give a no; any other counts as forbidden.
var Codes = []wire.Code{
	deny, wire.CodeBusy, wire.CodeOffline, wire.CodeNotFound, wire.CodeRateLimited, wire.CodeUnavailable,
}

var errNoObject = errors.New("permit: the answer is not a JSON object with a member allow that is true or false")

// Verdict is what the endpoint says.
type Verdict struct {
	Allow   *bool  `json:"allow"`
	Code    string `json:"code,omitempty"`    // of a no: forbidden (without one), busy, offline, not_found, rate_limited or unavailable
	Message string `json:"message,omitempty"` // of a no: a sentence for people
}

// ParseAnswer reads {"allow":…,"code":…,"message":…}. Other members are left
// aside; code and message are for a no, and count only as such.
func ParseAnswer(text []byte) (Answer, error) {
	var got Verdict
	if err := json.Unmarshal(text, &got); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", errNoObject, err)
	}
	if got.Allow == nil {
		return Answer{}, errNoObject
	}
	if *got.Allow {
		return Answer{Allow: true}, nil
	}
	code := wire.Code(got.Code)
	if !slices.Contains(Codes, code) {
		code = deny
	}
	return Answer{Code: code, Message: cut(got.Message)}, nil
}

// cut shortens a sentence to whole runes.
func cut(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	n := maxMessage
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

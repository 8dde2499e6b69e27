package auth

import (
	"encoding/json"
	"net/url"
	"strings"
)

// MaxProfile bounds the strings of a Profile, in bytes, all together.
const MaxProfile = 4 << 10

// Profile is the display data of a token: the allow-list of claims, nothing
// else. Its names are those of the profile objects that base front ends send.
type Profile struct {
	ID         string `json:"_id,omitempty"` // always the user id
	Username   string `json:"username,omitempty"`
	FullName   string `json:"fullName,omitempty"`
	Name       string `json:"name,omitempty"`
	ProfilePic string `json:"profilePic,omitempty"` // http or https
	Picture    string `json:"picture,omitempty"`    // http or https
	Gender     string `json:"gender,omitempty"`
}

// DisplayName is the first of FullName, Name and Username that is set.
func (p *Profile) DisplayName() string {
	switch {
	case p == nil:
		return ""
	case p.FullName != "":
		return p.FullName
	case p.Name != "":
		return p.Name
	}
	return p.Username
}

// JSON is the profile as an object; nil for none.
func (p *Profile) JSON() json.RawMessage {
	if p == nil {
		return nil
	}
	b, err := json.Marshal(p)
	if err != nil { // a struct of strings always encodes
		return nil
	}
	return b
}

// set takes one claim into the profile if it is on the allow-list, a string,
// and fits into what is left of the budget.
func (p *Profile) set(claim, value string, budget *int) {
	var field *string
	switch claim {
	case "username":
		field = &p.Username
	case "fullName", "fullname":
		field = &p.FullName
	case "name":
		field = &p.Name
	case "profilePic", "profilepic":
		field = &p.ProfilePic
	case "picture":
		field = &p.Picture
	case "gender":
		field = &p.Gender
	default:
		return
	}
	if field == &p.ProfilePic || field == &p.Picture {
		if !WebURL(value) {
			return
		}
	}
	if cost := len(value) - len(*field); cost <= *budget {
		*budget -= cost
		*field = value
	}
}

// WebURL reports whether s is an absolute http or https URL: the only kind that
// a callee's device may be made to load.
func WebURL(s string) bool {
	if strings.ContainsAny(s, " \t\r\n\"<>\\") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

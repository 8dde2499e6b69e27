package auth

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// claims is what is read of a token's payload: only what is needed, straight
// from the bytes. It is a jwt.Claims, so that the library validates times,
// audience and issuer.
type claims struct {
	userClaim string // which claim is the user id; "": userId, then sub

	named, userID, subject string // candidates for the user id
	issuer, tokenID        string
	audience               []string
	expires, notBefore     *jwt.NumericDate
	can                    []string
	profile                Profile
	budget                 int
	hasProfile             bool
}

// UnmarshalJSON reads the payload. A registered claim of a wrong type is an
// error: a token that can not be understood is not a token without that claim.
func (c *claims) UnmarshalJSON(b []byte) error {
	c.budget = MaxProfile
	var bad error
	err := rawjson.Object(b, func(name, value []byte) bool {
		bad = c.member(name, value)
		return bad == nil
	})
	if bad != nil {
		return bad
	}
	return err
}

func (c *claims) member(name, raw []byte) (err error) {
	if c.userClaim != "" && string(name) == c.userClaim {
		if c.named, err = idOf(raw); err != nil {
			return fmt.Errorf("claim %q: %w", name, err)
		}
	}
	switch string(name) {
	case "exp":
		c.expires, err = dateOf(raw)
	case "nbf":
		c.notBefore, err = dateOf(raw)
	case "userId":
		if c.userClaim == "" {
			c.userID, err = idOf(raw)
		}
	case "sub":
		if c.userClaim == "" {
			c.subject, err = idOf(raw)
		}
	case "iss":
		c.issuer, err = textOf(raw)
	case "jti":
		c.tokenID, err = textOf(raw)
	case "aud":
		c.audience, err = listOf(raw, "")
	case "can":
		c.can, err = listOf(raw, " ")
		if c.can == nil {
			c.can = []string{}
		}
	case "username", "fullName", "fullname", "name", "profilePic", "profilepic", "picture", "gender":
		if s, e := textOf(raw); e == nil && s != "" { // display data of a wrong type is left out
			c.profile.set(string(name), s, &c.budget)
			c.hasProfile = c.profile != Profile{}
		}
	}
	if err != nil {
		return fmt.Errorf("claim %q: %w", name, err)
	}
	return nil
}

// identity is what the claims say, once the signature and the times are good.
func (c *claims) identity() (*Identity, error) {
	user := c.named
	if c.userClaim == "" {
		user = c.userID
		if user == "" {
			user = c.subject
		}
	}
	if !ValidUser(user) {
		return nil, fmt.Errorf("%w: no usable user id in the claims", ErrInvalidToken)
	}
	id := &Identity{User: user, TokenID: c.tokenID, Can: c.can, Via: ViaToken}
	if c.expires != nil {
		id.Expires = c.expires.Time
	}
	if c.hasProfile {
		p := c.profile
		p.ID = user
		id.Profile, id.Name = &p, p.DisplayName()
	}
	return id, nil
}

// The methods of jwt.Claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.notBefore, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }

// textOf decodes a JSON string.
func textOf(raw []byte) (string, error) {
	s, ok := rawjson.String(raw)
	if !ok {
		return "", errNotText
	}
	return s, nil
}

// idOf decodes a user id: a string, or a whole number as its digits.
func idOf(raw []byte) (string, error) {
	if len(raw) > 0 && len(raw) <= 20 && raw[0] >= '0' && raw[0] <= '9' {
		if _, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
			return string(raw), nil
		}
	}
	return textOf(raw)
}

// dateOf decodes a NumericDate (RFC 7519 §2): seconds since 1970, perhaps with
// a fraction.
func dateOf(raw []byte) (*jwt.NumericDate, error) {
	sec, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(sec) || math.Abs(sec) > 1<<52 {
		return nil, errNotDate
	}
	whole, frac := math.Modf(sec)
	return &jwt.NumericDate{Time: time.Unix(int64(whole), int64(frac*1e9))}, nil
}

// listOf decodes an array of strings, or one string, split at sep if that is
// not "".
func listOf(raw []byte, sep string) ([]string, error) {
	if s, err := textOf(raw); err == nil {
		if sep != "" {
			return strings.Fields(s), nil
		}
		return []string{s}, nil
	}
	var few [8][]byte
	elems, err := rawjson.Array(few[:0], raw)
	if err != nil {
		return nil, errNotList
	}
	list := make([]string, len(elems))
	for i, e := range elems {
		if list[i], err = textOf(e); err != nil {
			return nil, errNotList
		}
	}
	return list, nil
}

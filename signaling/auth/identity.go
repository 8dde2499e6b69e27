package auth

import (
	"slices"
	"time"
)

// Via says how an identity came about.
type Via uint8

// The ways. A cookie is the only one that a browser adds by itself, so writes
// with it need an allowed Origin.
const (
	ViaToken    Via = iota + 1 // auth.token or the Authorization header
	ViaCookie                  // the cookie named by Config.CookieName
	ViaInsecure                // query.userId, trusted as it is
)

func (v Via) String() string {
	switch v {
	case ViaToken:
		return "token"
	case ViaCookie:
		return "cookie"
	case ViaInsecure:
		return "insecure"
	}
	return "none"
}

// Identity is who a session is. It is never changed after it was made and may
// be shared.
type Identity struct {
	// User is the user id: 1 to 128 bytes, see ValidUser.
	User string
	// Name is the name to show: the first of the claims fullName, name and
	// username, else "".
	Name string
	// TokenID is the claim jti, "" without one.
	TokenID string
	// Expires is the claim exp; zero for a token without one. The session may
	// live until Expires plus Config.Leeway.
	Expires time.Time
	// Can lists what the token allows (claim can): nil is everything, an empty
	// list nothing.
	Can []string
	// Profile is the display data of the token's claims, nil if it has none.
	Profile *Profile
	// Via is how the identity was shown.
	Via Via
}

// May reports whether the identity is allowed to do what: "call", "message",
// "room:<id>". "room:*" in the token allows every room and "*" everything.
func (id *Identity) May(what string) bool {
	if id.Can == nil {
		return true
	}
	return slices.ContainsFunc(id.Can, func(grant string) bool {
		if grant == what || grant == "*" {
			return true
		}
		n := len(grant)
		return n >= 2 && grant[n-2:] == ":*" && len(what) >= n && what[:n-1] == grant[:n-1]
	})
}

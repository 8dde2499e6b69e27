package auth

import "github.com/tandem-rtc/tandem/signaling/wire"

// ValidUser reports whether id can be a user id, see wire.ValidUserID.
func ValidUser(id string) bool { return wire.ValidUserID(id) }

// blank reports whether a front end sent a value that stands for none.
func blank(s string) bool { return s == "" || s == "undefined" || s == "null" }

package auth

import (
	"unicode"
	"unicode/utf8"
)

// MaxUser is the longest user id, in bytes.
const MaxUser = 128

// ValidUser reports whether id can be a user id: 1 to 128 bytes of UTF-8 with
// printable characters only, and not "undefined" or "null", which front ends
// send while nobody is signed in.
func ValidUser(id string) bool {
	if blank(id) || len(id) > MaxUser {
		return false
	}
	ascii := true
	for i := range len(id) {
		c := id[i]
		if c < 0x20 || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	if !utf8.ValidString(id) {
		return false
	}
	for _, r := range id {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// blank reports whether a front end sent a value that stands for none.
func blank(s string) bool { return s == "" || s == "undefined" || s == "null" }

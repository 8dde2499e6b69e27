package wire

import (
	"unicode"
	"unicode/utf8"
)

// ValidUserID reports whether id can name a user: 1 to 128 bytes of UTF-8 with
// printable characters only, and not "undefined" or "null", which front ends
// send while nobody is signed in.
func ValidUserID(id string) bool {
	if id == "" || id == "undefined" || id == "null" || len(id) > MaxUserID {
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

package signaling

import (
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestSeal_IsForOneUserAndKey(t *testing.T) {
	key, other := NewSealKey(), NewSealKey()
	for _, device := range []string{"phone", "a-b.c", "Küche", "x", strings.Repeat("d", wire.MaxUserID)} {
		s := Seal(key, "ann", device)
		if d, ok := Unseal(key, "ann", s); !ok || d != device {
			t.Errorf("%q: unsealed %q %t", device, d, ok)
		}
		if s != Seal(key, "ann", device) {
			t.Errorf("%q: two seals differ: clients compare pids", device)
		}
		for _, bad := range []string{"", ".", s[:len(s)-1], s + "A", "A" + s, strings.Replace(s, ".", "", 1), "." + s} {
			if d, ok := Unseal(key, "ann", bad); ok {
				t.Errorf("%q was unsealed: %q", bad, d)
			}
		}
		if _, ok := Unseal(other, "ann", s); ok {
			t.Error("unsealed with another key")
		}
		if _, ok := Unseal(key, "bob", s); ok {
			t.Error("unsealed for another user")
		}
	}
	// The border between user and device is part of it.
	if d, ok := Unseal(key, "an", Seal(key, "ann", "x")); ok {
		t.Errorf("unsealed %q", d)
	}
}

func FuzzUnseal(f *testing.F) {
	key := NewSealKey()
	f.Add("ann", Seal(key, "ann", "phone"))
	f.Add("ann", "YQ.")
	f.Fuzz(func(t *testing.T, user, text string) {
		if device, ok := Unseal(key, user, text); ok && Seal(key, user, device) != text {
			t.Errorf("%q is a seal of %q, and not the one that is made", text, device)
		}
	})
}

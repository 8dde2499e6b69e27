package push_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/push"
)

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vapid.key")
	var keys sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			key, err := push.LoadKey(path)
			if err != nil {
				t.Error(err)
			}
			keys.Store(key, true)
		})
	}
	wg.Wait()
	n := 0
	keys.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d keys", n)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".vapid-*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := push.LoadKey(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := push.LoadKey(filepath.Join(t.TempDir(), "no", "vapid.key")); err == nil {
		t.Error("kept in a directory that is not there")
	}
}

func TestParseKey(t *testing.T) {
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := push.ParseKey(key.Private+"=\n", key.Public+"="); err != nil || got != key {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := push.ParseKey(key.Private, ""); err != nil || got != key {
		t.Errorf("the public half is not found: %v, %v", got, err)
	}
	for _, pair := range [][2]string{{"", ""}, {"abc", ""}, {key.Private, other.Public}, {key.Public, ""}, {strings.Repeat("A", 43), ""}, {"%", ""}} {
		if _, err := push.ParseKey(pair[0], pair[1]); err == nil {
			t.Errorf("took %q", pair)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v", key, key, key); strings.Contains(s, key.Private) {
		t.Errorf("the secret half is shown: %s", s)
	}
}

func TestDerivedKeysAgree(t *testing.T) {
	a, err := push.DeriveKey([]byte("a secret of the cluster"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := push.DeriveKey([]byte("a secret of the cluster"))
	c, _ := push.DeriveKey([]byte("another one"))
	if a != b || a == c {
		t.Errorf("%v, %v, %v", a, b, c)
	}
}

func FuzzParse(f *testing.F) {
	key, err := push.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(map[string]any{
		"endpoint": "https://fcm.googleapis.com/fcm/send/abc", "expirationTime": nil,
		"keys": map[string]string{"p256dh": key.Public, "auth": "AAAAAAAAAAAAAAAAAAAAAA"}, "device": "phone",
	})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := push.Parse(good); err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	for _, s := range []string{"", "null", "{}", `{"endpoint":"https://[::1]:x/"}`, `{"keys":{"auth":1}}`, strings.Replace(string(good), "phone", `\ud800`, 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := push.Parse([]byte(text))
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := push.Parse(again); err != nil || back != s {
			t.Errorf("%q came back as %+v, %v", text, back, err)
		}
		if s.Device == "" || len(s.Device) > push.MaxDevice || !strings.HasPrefix(s.Endpoint, "http") {
			t.Errorf("took %+v", s)
		}
	})
}

package push_test

import (
	"errors"
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

// FuzzSubscription registers anything: what is taken is in one form, which is taken
// again as it is.
func FuzzSubscription(f *testing.F) {
	key, err := push.NewKey()
	if err != nil {
		f.Fatal(err)
	}
	s, err := push.New(push.Config{Key: key, Hosts: []string{"*"}}, push.NewMemory(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	f.Add("https://fcm.googleapis.com/fcm/send/abc", key.Public, "AAAAAAAAAAAAAAAAAAAAAA==", "phone")
	f.Add("https://[::1]:x/", "", "====", "\xff")
	f.Add("https://a@b", key.Public+"=", "AAAA", "")
	f.Fuzz(func(t *testing.T, endpoint, p256dh, auth, device string) {
		sub, err := s.Subscribe(t.Context(), "u", push.Subscription{Endpoint: endpoint, Keys: push.Keys{P256dh: p256dh, Auth: auth}, Device: device})
		if err != nil {
			if !errors.Is(err, push.ErrSubscription) && !errors.Is(err, push.ErrHost) {
				t.Fatal(err)
			}
			return
		}
		if sub.Device == "" || len(sub.Device) > push.MaxDevice || !strings.HasPrefix(strings.ToLower(endpoint), "https://") {
			t.Errorf("took %+v", sub)
		}
		if again, err := s.Subscribe(t.Context(), "u", sub); err != nil || again != sub {
			t.Errorf("%+v came back as %+v, %v", sub, again, err)
		}
	})
}

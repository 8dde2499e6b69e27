package sqlite

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/chattest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	chattest.Run(t, func(t *testing.T) chattest.Open {
		path := filepath.Join(t.TempDir(), "chat.db")
		return func() chat.Store { return openFile(t, DefaultConfig(path)) }
	})
}

func openFile(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

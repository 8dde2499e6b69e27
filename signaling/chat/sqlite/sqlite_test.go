package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/chattest"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(child(mode, os.Getenv(childFile)))
	}
	goleak.VerifyTestMain(m)
}

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
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestConfig_Validate(t *testing.T) {
	if err := DefaultConfig("x").Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Path = "" },
		func(c *Config) { c.Readers = 0 },
		func(c *Config) { c.Queue = 0 },
		func(c *Config) { c.BusyTimeout = -1 },
		func(c *Config) { c.MaxPages = -1 },
	} {
		c := DefaultConfig("x")
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
}

// A path may look like the query of a URL.
func TestOpen_StrangePaths(t *testing.T) {
	for _, name := range []string{"a b.db", "what?.db", "50%25.db", "a#b.db", "ü.db", "file:x.db"} {
		path := filepath.Join(t.TempDir(), name)
		openFile(t, DefaultConfig(path))
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes", name, info.Mode(), info.Size())
		}
	}
}

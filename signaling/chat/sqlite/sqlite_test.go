package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

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

// One connection is enough to read with: a journal page, which takes several
// queries, never waits for a second.
func TestReaders_OneIsEnough(t *testing.T) {
	cfg := DefaultConfig(filepath.Join(t.TempDir(), "chat.db"))
	cfg.Readers = 1
	s := openFile(t, cfg)
	fill(t, s, 10, "ann", "bob")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			c, err := s.Changes(ctx, "bob", "", 5)
			if err == nil && len(c.Messages) != 5 {
				err = errors.New("a page is not full")
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

package mongo

import (
	"context"
	"flag"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/chattest"
	"github.com/tandem-rtc/tandem/signaling/chat/mongo/mongotest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); os.Getenv("TEST_MONGO_URI") == "" && checks.Value.String() == checks.DefValue {
		// FerretDB goes through all of a collection for nearly every query.
		_ = flag.Set("rapid.checks", "6")
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	chattest.Run(t, func(t *testing.T) chattest.Open {
		cfg := DefaultConfig(database(t))
		return func() chat.Store { return openStore(t, cfg) }
	})
}

// database is the URI of a new one, which goes with the test.
func database(t testing.TB) string {
	t.Helper()
	uri, foreign := mongotest.Database(t)
	if foreign {
		t.Cleanup(func() {
			s := openStore(t, DefaultConfig(uri))
			if err := s.messages.Database().Drop(context.Background()); err != nil {
				t.Errorf("drop: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return uri
}

func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := Open(ctx, cfg)
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

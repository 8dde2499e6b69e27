package sqlite

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/signaling/webhook"
	"github.com/tandem-rtc/tandem/signaling/webhook/outboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, path string) *Outbox {
	t.Helper()
	b, err := Open(t.Context(), Config{Path: path, Max: outboxtest.Max, BusyTimeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestM9_Outbox(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T) webhook.Outbox { return open(t, filepath.Join(t.TempDir(), "webhooks.db")) })
}

// What was claimed by a process that ended is due at once for the next one.
func TestM9_ReopenedClaimsAreDue(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "webhooks.db"), t.Context()
	b := open(t, path)
	list := []webhook.Entry{{ID: "1", Lane: "a", Body: []byte("x"), Created: time.Now()}, {ID: "2", Lane: "a", Created: time.Now()}}
	if _, err := b.Put(ctx, "e", list); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Claim(ctx, "e", 5, time.Hour); len(got) != 1 || err != nil {
		t.Fatalf("claimed %v (%v)", got, err)
	}
	if _, err := Open(ctx, Config{Path: path, BusyTimeout: 50 * time.Millisecond}); err == nil {
		t.Error("two processes could share the file: each would send what the other has claimed")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, "e", list); !errors.Is(err, webhook.ErrClosed) {
		t.Errorf("a closed outbox says %v", err)
	}
	b = open(t, path)
	if st, err := b.Put(ctx, "e", list); st.Added != 0 || err != nil {
		t.Errorf("ids are forgotten: %+v (%v)", st, err)
	}
	if got, err := b.Claim(ctx, "e", 5, time.Hour); len(got) != 1 || got[0].ID != "1" || got[0].Attempt != 2 || err != nil {
		t.Errorf("claimed %+v (%v), want the first again", got, err)
	}
}

func TestOpen_ForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE x (y)`); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, ErrForeign) {
		t.Errorf("another program's file: %v", err)
	}
	if _, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "no", "where")}); err == nil {
		t.Error("a file was made in a directory that there is not")
	}
}

package sqlite

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/tandem-rtc/tandem/signaling/call"
)

// TestM8_UnheardBefore: calls that an older release kept under a name of nobody
// get the name that they were for, so that they go with it.
func TestM8_UnheardBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	if err := openFile(t, DefaultConfig(path)).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", source(path, "immediate"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"INSERT INTO live_calls VALUES ('live', 'ann', '\x01ann\x01ben', 0, 1, 0, 'a1', '')",
		"INSERT INTO live_calls VALUES ('heard', 'ann', 'cem', 0, 1, 0, 'a1', '')",
		"INSERT INTO calls VALUES ('ended', 'ann', '\x01ann\x01ben', 'lost', 0, 1, 0, 2, 0, 'a1', '', '', 1)",
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := openFile(t, DefaultConfig(path))
	if _, err := s.Interrupted(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, _, err := s.Calls(t.Context(), "ann", "", 10)
	if err != nil || len(list) != 3 {
		t.Fatalf("ann has %+v, %v", list, err)
	}
	for _, c := range list {
		callee, reason := "ben", "unheard:"+call.Lost
		if c.ID == "heard" {
			callee, reason = "cem", call.Lost
		}
		if c.Callee != callee || c.Reason != reason {
			t.Errorf("odd: %+v", c)
		}
	}
	for user, want := range map[string]int{"ben": 0, "cem": 1} {
		if n, err := s.MissedCalls(t.Context(), user); n != want || err != nil {
			t.Errorf("%s missed %d, %v; want %d", user, n, err, want)
		}
	}
	if err := s.Erase(t.Context(), "ben"); err != nil {
		t.Fatal(err)
	}
	if list, _, _ := s.Calls(t.Context(), "ann", "", 10); len(list) != 1 {
		t.Errorf("left: %+v", list)
	}
}

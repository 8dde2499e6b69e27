package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func send(t *testing.T, s *Store, text string) *chat.Message {
	t.Helper()
	m, _, err := s.Add(t.Context(), chat.Message{Sender: "ann", Receiver: "bob", Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// refused wants an error that says what is wrong, to programs and to people.
func refused(t *testing.T, err, want error, words ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestFault_NoDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	_, err := Open(t.Context(), DefaultConfig(filepath.Join(dir, "chat.db")))
	refused(t, err, os.ErrNotExist, "there is no directory "+dir)
}

func TestFault_PathIsADirectory(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), DefaultConfig(dir))
	refused(t, err, syscall.EISDIR, dir)
}

func TestFault_NoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("this is a letter, ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), DefaultConfig(path))
	refused(t, err, ErrCorrupt, path, "damaged, or no database")
	refused(t, err, chat.ErrUnavailable)
}

func TestFault_AnotherProgramsDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.db")
	db, err := sql.Open("sqlite", source(path, "deferred"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE messages (mine)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), DefaultConfig(path)); err == nil || !strings.Contains(err.Error(), "another program's") {
		t.Fatal(err)
	}
}

// A file that is damaged in its middle opens; what needs the damaged part fails,
// with a clear error.
func TestFault_Damaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	s := openFile(t, DefaultConfig(path))
	fill(t, s, 5000, "ann", "bob")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(40 * 4096); at < info.Size(); at += 4096 { // all but the schema
		if _, err := f.WriteAt([]byte(strings.Repeat("\xa5", 4096)), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, DefaultConfig(path))
	_, err = s.History(t.Context(), "ann", "bob", "", 5000)
	refused(t, err, ErrCorrupt)
	refused(t, err, chat.ErrUnavailable)
	_, _, err = s.Add(t.Context(), chat.Message{Sender: "ann", Receiver: "bob", Text: "x"})
	refused(t, err, ErrCorrupt)
	if err := s.Block(t.Context(), "ann", "bob"); err != nil { // elsewhere in the file
		t.Error(err)
	}
}

// A full file refuses sends and keeps what it has; reads go on, and sends once
// there is room again.
func TestFault_Full(t *testing.T) {
	cfg := DefaultConfig(filepath.Join(t.TempDir(), "chat.db"))
	cfg.MaxPages = 120
	s := openFile(t, cfg)
	text := strings.Repeat("x", 2000)
	acked := map[string]bool{}
	var err error
	for err == nil {
		var m *chat.Message
		if m, _, err = s.Add(t.Context(), chat.Message{Sender: "ann", Receiver: "bob", Text: text}); err == nil {
			acked[m.ID] = true
		}
		if len(acked) > 10_000 {
			t.Fatal("the file does not fill")
		}
	}
	refused(t, err, ErrFull, "no space")
	refused(t, err, chat.ErrUnavailable)
	// Many at once share a transaction: those that do not fit harm no others.
	results := make(chan error, 64)
	for range cap(results) {
		go func() {
			_, _, err := s.Add(context.Background(), chat.Message{Sender: "ann", Receiver: "bob", Text: text})
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			refused(t, err, ErrFull)
		}
	}
	list, err := s.History(t.Context(), "bob", "ann", "", 10_000)
	if err != nil || len(list) < len(acked) {
		t.Fatalf("%d messages are left of %d: %v", len(list), len(acked), err)
	}
	if n, err := s.Expire(t.Context(), time.Now().Add(time.Hour)); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	send(t, s, text)
	checkFile(t, s)
}

// Another process that holds the file delays a send by the busy timeout, no
// more; reads go on.
func TestFault_LockedByAnother(t *testing.T) {
	cfg := DefaultConfig(filepath.Join(t.TempDir(), "chat.db"))
	cfg.BusyTimeout = 200 * time.Millisecond
	s := openFile(t, cfg)
	m := send(t, s, "before")
	p := start(t, "lock", cfg.Path, nil)
	if line, _ := p.line(); line != "locked" {
		t.Fatal(line)
	}
	from := time.Now()
	_, _, err := s.Add(t.Context(), chat.Message{Sender: "ann", Receiver: "bob", Text: "x"})
	refused(t, err, ErrLocked, "another process")
	refused(t, err, chat.ErrUnavailable)
	if took := time.Since(from); took < 150*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %v to be refused", took)
	}
	if got, err := s.Get(t.Context(), m.ID); err != nil || got.Text != "before" {
		t.Errorf("%+v %v", got, err)
	}
	// Whoever does not want to wait that long does not.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: "y"}); err == nil {
		t.Error("sent to a locked file")
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	send(t, s, "after")
	list, err := s.History(t.Context(), "ann", "bob", "", 10)
	if err != nil || len(list) != 2 {
		t.Errorf("%d messages, %v", len(list), err)
	}
}

// A file that may not be written is refused at the start. Root may write all, so
// for it a process of another user tries.
func TestFault_ReadOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "read-only")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "chat.db")
	if err := openFile(t, DefaultConfig(path)).Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(path, 0o444), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	p := start(t, "open", path, func(cmd *exec.Cmd) {
		if os.Geteuid() != 0 {
			return
		}
		cmd.Path = copyOf(t, cmd.Path, dir)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	})
	line, _ := p.line()
	if p.end() == nil || !strings.Contains(line, ErrReadOnly.Error()) || !strings.Contains(line, path) {
		t.Errorf("a file that can not be written: %q", line)
	}
}

// copyOf puts the test binary where others may run it.
func copyOf(t *testing.T, file, dir string) string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	to := filepath.Join(dir, "child")
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
	return to
}

// Whoever gives up while waiting is either told that nothing happened, or that
// it did.
func TestM1_GivenUpIsNotStored(t *testing.T) {
	s := openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	release := make(chan struct{})
	held := make(chan struct{})
	first := make(chan error, 1)
	go func() { // a transaction that takes long
		first <- s.do(context.Background(), func(*batch) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 8)
	for i := range cap(results) {
		go func() {
			_, _, err := s.Add(ctx, chat.Message{Sender: "ann", Receiver: "bob", Text: fmt.Sprint(i)})
			results <- err
		}()
	}
	cancel()
	for range cap(results) {
		refused(t, <-results, context.Canceled)
	}
	close(release)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	send(t, s, "only")
	list, err := s.History(t.Context(), "ann", "bob", "", 10)
	if err != nil || len(list) != 1 {
		t.Errorf("%d messages are stored, %v", len(list), err)
	}
}

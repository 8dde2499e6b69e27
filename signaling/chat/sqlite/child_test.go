package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// The test binary starts itself as another process that has the file open.
const (
	childMode = "CHAT_SQLITE_TEST_CHILD"
	childFile = "CHAT_SQLITE_TEST_FILE"
)

// child is what such a process does; it returns its exit code.
func child(mode, path string) int {
	var err error
	switch mode {
	case "send":
		err = childSends(path)
	case "lock":
		err = childLocks(path)
	case "open":
		var s *Store
		if s, err = Open(context.Background(), DefaultConfig(path)); err == nil {
			err = s.Close()
		}
	default:
		err = fmt.Errorf("no mode %q", mode)
	}
	if err != nil {
		fmt.Println("failed:", strconv.Quote(err.Error()))
		return 1
	}
	return 0
}

// childSends sends until it is killed or its input ends, from many goroutines,
// and writes a line for each ack.
func childSends(path string) error {
	cfg := DefaultConfig(path)
	cfg.BusyTimeout = 30 * time.Second // SQLite is not fair, and the machine may have much to do
	s, err := Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	for i := range 16 {
		wg.Go(func() {
			for n := range 10_000 / 16 {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n)
				m, _, err := s.Add(context.Background(), chat.Message{Sender: "ann", Receiver: "bob", Text: "text of " + name, ClientID: name})
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					fmt.Println(m.ID, name)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	return s.Close()
}

// childLocks holds the file until its input ends.
func childLocks(path string) error {
	db, err := sql.Open("sqlite", source(path, "deferred"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		return err
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if _, err := db.Exec("ROLLBACK"); err != nil {
		return err
	}
	return db.Close()
}

// process is a started child.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func start(t *testing.T, mode, path string, change func(*exec.Cmd)) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childMode+"="+mode, childFile+"="+path)
	cmd.Stderr = os.Stderr
	if change != nil {
		change(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return p
}

// line reads the next line of the child; false after the last.
func (p *process) line() (string, bool) {
	ok := p.lines.Scan()
	return p.lines.Text(), ok
}

// end lets the child finish and waits for it.
func (p *process) end() error {
	_ = p.in.Close()
	for p.lines.Scan() {
	}
	return p.cmd.Wait()
}

// acks reads at most n lines "id name" of a sender.
func (p *process) acks(t *testing.T, n int) map[string]string {
	t.Helper()
	acked := map[string]string{}
	for len(acked) < n {
		line, ok := p.line()
		if !ok {
			break
		}
		if strings.HasPrefix(line, "failed:") {
			t.Fatal(line)
		}
		var id, name string
		if _, err := fmt.Sscan(line, &id, &name); err != nil {
			t.Fatal("the sender says " + strconv.Quote(line))
		}
		acked[name] = id
	}
	return acked
}

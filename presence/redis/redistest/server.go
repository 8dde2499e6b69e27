// Package redistest runs real Redis servers for tests: a single one that can be
// killed, frozen and restarted empty, a Cluster, a Sentinel group, and a proxy
// that cuts, delays and stalls connections.
//
// It starts redis-server from the PATH (Debian and Ubuntu: apt-get install
// redis-server) on free ports of the loopback interface, in temporary
// directories, without persistence, and ends what it started with the test.
package redistest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const missing = "redis-server is not on the PATH: install it (Debian, Ubuntu: apt-get install redis-server)"

// Server is one redis-server process at an address that stays the same when it
// is restarted.
type Server struct {
	Addr string // host:port

	t    testing.TB
	bin  string
	dir  string
	args []string
	// command, if not nil, is used in place of the usual options.
	command []string
	log     *os.File

	cmd  *exec.Cmd // nil while it is not running
	done chan struct{}
}

// Start starts an empty server and ends it with the test. The arguments are
// options of redis-server: "--maxmemory", "1mb".
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := prepare(t, args...)
	s.Restart()
	return s
}

// prepare makes a server that is not running yet.
func prepare(t testing.TB, args ...string) *Server {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal(missing)
	}
	s := &Server{Addr: freeAddr(t), t: t, bin: bin, dir: t.TempDir(), args: args}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill()
		_ = s.log.Close()
	})
	return s
}

// URL is the server's address as a Redis URL.
func (s *Server) URL() string { return "redis://" + s.Addr + "/0" }

// Restart starts the server, empty, after killing it if it still runs. It
// returns once the server answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	// A port that was free may have been taken as the local end of somebody's
	// connection meanwhile: that passes.
	deadline := time.Now().Add(10 * time.Second)
	for {
		s.launch()
		err := s.waitUntilReady(deadline)
		if err == nil {
			return
		}
		s.Kill()
		if time.Now().After(deadline) {
			s.t.Fatalf("redis-server on %s does not answer: %v\n%s", s.Addr, err, s.Log())
		}
		time.Sleep(20 * time.Millisecond) // polling with a deadline
	}
}

func (s *Server) launch() {
	s.t.Helper()
	if s.command != nil {
		s.exec(s.command...)
		return
	}
	host, port, _ := net.SplitHostPort(s.Addr)
	args := append([]string{
		"--bind", host, "--port", port, "--dir", s.dir, "--save", "", "--appendonly", "no",
		"--daemonize", "no", "--protected-mode", "no", "--repl-diskless-sync-delay", "0",
	}, s.args...)
	s.exec(args...)
}

// exec starts the process.
func (s *Server) exec(args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(context.Background(), s.bin, args...) //nolint:gosec // the test's own arguments
	cmd.Stdout, cmd.Stderr = s.log, s.log
	dieWithParent(cmd)
	started, done := make(chan error), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for dieWithParent
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatalf("redis-server: %v", err)
	}
	s.cmd, s.done = cmd, done
}

// waitUntilReady polls until the server takes commands.
func (s *Server) waitUntilReady(deadline time.Time) error {
	for {
		answer, err := s.Command("PING")
		if err == nil && answer != "PONG" {
			err = fmt.Errorf("PING: %s", answer)
		}
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("it ended: %w", err)
		default:
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond) // polling with a deadline
	}
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
}

// Freeze stops the process (SIGSTOP): its connections stay and nothing answers.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.cmd == nil {
		s.t.Fatal("redis-server is not running")
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Pid is the process id, 0 while it is not running.
func (s *Server) Pid() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Log is what the server has printed.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.log.Name())
	return string(b)
}

// Command sends one command over a connection of its own and returns the first
// line of the answer, or the body of a bulk string. It is for the tests' own
// set-up and needs no client library.
func (s *Server) Command(args ...string) (string, error) {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(context.Background(), "tcp", s.Addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if err := write(c, args); err != nil {
		return "", err
	}
	return answer(bufio.NewReader(c))
}

func write(w io.Writer, args []string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// answer reads one line, or the body of a bulk string.
func answer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "":
		return "", errors.New("redis-server: empty answer")
	case line[0] == '-':
		return "", fmt.Errorf("redis-server: %s", line[1:])
	case line[0] != '$':
		return line[1:], nil
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 {
		return "", err
	}
	body := make([]byte, n+2) // and the end of the line
	if _, err := io.ReadFull(r, body); err != nil {
		return "", err
	}
	return string(body[:n]), nil
}

// array sends one command and returns the elements of its answer.
func (s *Server) array(args ...string) ([]string, error) {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(context.Background(), "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if err := write(c, args); err != nil {
		return nil, err
	}
	r := bufio.NewReader(c)
	head, err := answer(r) // "*N", without the first letter
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(head)
	if err != nil {
		return nil, err
	}
	list := make([]string, n)
	for i := range list {
		if list[i], err = answer(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// MustCommand is Command that fails the test.
func (s *Server) MustCommand(args ...string) string {
	s.t.Helper()
	a, err := s.Command(args...)
	if err != nil {
		s.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return a
}

// freeAddr finds a port on the loopback interface that nobody listens on: below
// those that the system gives to connections, one of which would take it before
// the server has.
func freeAddr(t testing.TB) string {
	t.Helper()
	var lc net.ListenConfig
	for range 1000 {
		addr := "127.0.0.1:" + strconv.Itoa(11_000+rand.IntN(20_000))
		l, err := lc.Listen(context.Background(), "tcp", addr)
		if err != nil {
			continue
		}
		_ = l.Close()
		return addr
	}
	t.Fatal("no port is free")
	return ""
}

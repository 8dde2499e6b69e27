// Package mongotest gives tests a server that speaks MongoDB's protocol: FerretDB
// (see ../ferret), built once and kept in the user's cache, or the MongoDB that
// TEST_MONGO_URI names.
package mongotest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Server is a process of its own.
type Server struct {
	Addr string

	t   testing.TB
	dir string
	cmd *exec.Cmd
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "ferret") // t.TempDir is too long for the socket in it
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: dir, Addr: "127.0.0.1:0"}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	s.Run()
	return s
}

// Run starts it again, where it was, with the data that it had.
func (s *Server) Run() {
	s.t.Helper()
	bin, err := Binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.CommandContext(context.Background(), bin, "-listen", s.Addr, "-dir", s.dir) //nolint:gosec // built from our own sources
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.dir)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("FerretDB does not start: %v", err)
	}
	s.Addr = strings.TrimSpace(line)
}

// Kill ends it at once.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // or it would not go
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Freeze has it do nothing until Thaw; it is frozen when that returns.
func (s *Server) Freeze() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		s.t.Fatalf("FerretDB does not stop: %v %v", err, status)
	}
}

// Thaw lets it go on.
func (s *Server) Thaw() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// URI names a database of the server.
func (s *Server) URI(database string) string { return "mongodb://" + s.Addr + "/" + database }

// Database is the URI of one that is new, at the MongoDB of TEST_MONGO_URI or, if
// there is none, at the server that the tests of this process share. Who calls it
// drops what is in a foreign one.
func Database(t testing.TB) (uri string, foreign bool) {
	t.Helper()
	name := "tandem_test_" + bson.NewObjectID().Hex()
	if given := os.Getenv("TEST_MONGO_URI"); given != "" {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatalf("TEST_MONGO_URI: %v", err)
		}
		u.Path = "/" + name
		return u.String(), true
	}
	return Start(t).URI(name), false
}

var build sync.Mutex

// Binary is the path of the built server. It is kept by what it was made of, so
// that a fresh clone builds it once.
func Binary() (string, error) {
	build.Lock()
	defer build.Unlock()
	if bin := os.Getenv("TANDEM_FERRET_BIN"); bin != "" {
		return bin, nil
	}
	_, here, _, _ := runtime.Caller(0)
	src := filepath.Join(filepath.Dir(here), "..", "ferret")
	sum, err := sumOf(src)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	bin := filepath.Join(cache, "tandem-tests", "ferret-"+sum)
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(filepath.Dir(bin), 0o700); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	temp := fmt.Sprintf("%s.%d", bin, os.Getpid())
	cmd := exec.CommandContext(ctx, "go", "build", "-o", temp, ".") //nolint:gosec // in the user's cache
	cmd.Dir = src
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building FerretDB for the tests in %s: %w: %s", src, err, out)
	}
	return bin, os.Rename(temp, bin)
}

// sumOf names the sources and the compiler.
func sumOf(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		return "", errors.Join(err, fmt.Errorf("there are no sources in %s", dir))
	}
	h := sha256.New()
	h.Write([]byte(runtime.Version()))
	for _, f := range files {
		b, err := os.ReadFile(f) //nolint:gosec // our own sources
		if err != nil {
			return "", err
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

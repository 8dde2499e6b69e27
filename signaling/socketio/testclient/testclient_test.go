package testclient

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

var address = regexp.MustCompile(`msg=listening address=(\S+)`)

// serve starts the conformance server and returns its URL.
func serve(t *testing.T, binary string, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			if m := address.FindStringSubmatch(s.Text()); m != nil {
				lines <- m[1]
				continue
			}
			t.Log(s.Text())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("conformance server: %v", err)
		}
	})
	select {
	case a := <-lines:
		return "http://" + a
	case <-time.After(10 * time.Second):
		t.Fatal("the conformance server does not listen")
		return ""
	}
}

// TestRealClient runs socket.io-client under Node against the conformance
// server.
func TestRealClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("this test needs %s (https://nodejs.org): %v", tool, err)
		}
	}
	if _, err := os.Stat("node_modules/socket.io-client"); err != nil {
		run(ctx, t, nil, "npm", "ci", "--no-audit", "--no-fund")
	}
	binary := filepath.Join(t.TempDir(), "conformance")
	run(ctx, t, nil, "go", "build", "-o", binary, "../conformance")
	env := append(os.Environ(), "SIO_URL="+serve(t, binary, patient), "SIO_RECOVERY_URL="+serve(t, binary, "-recovery", patient))
	out := run(ctx, t, env, "node", "--test", "--test-reporter=tap", "transports.test.mjs", "recovery.test.mjs")
	m := passed.FindSubmatch(out)
	if m == nil || len(m[1]) < 2 { // fewer than ten: they were not run
		t.Fatalf("no tests were run:\n%s", out)
	}
	t.Logf("%s cases passed", m[1])
}

// patient: a client on a busy machine is not taken for dead. The short ping
// timeout of the conformance suites is their business.
const patient = "-ping-timeout=5s"

var passed = regexp.MustCompile(`(?m)^# pass (\d+)$`)

func run(ctx context.Context, t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return out
}

package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "a secret of more than thirty-two bytes"

// elsewhere runs the test in an empty folder without Tandem's variables.
func elsewhere(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case strings.HasPrefix(name, "TANDEM_"), name == "PORT", name == "REDIS_URL", name == "MONGO_DB_URI",
			name == "JWT_SECRET", name == "FRONTEND_URL", name == "BACKEND_URL":
			t.Setenv(name, value) // put back after the test
			_ = os.Unsetenv(name)
		}
	}
	return dir
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// parseServe parses the flags of serve.
func parseServe(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	var out bytes.Buffer
	c, err := parse(args, &out, &out)
	if err != nil {
		return Config{}, err
	}
	serve, ok := c.(*serveCommand)
	if !ok {
		t.Fatalf("command %T", c)
	}
	return serve.Config, nil
}

// safeBuffer is written by the app and read by the test.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start opens and serves an app; stop ends it and gives Serve's error.
func start(t *testing.T, cfg Config, change func(*App)) (app *App, log *safeBuffer, stop func() error) {
	t.Helper()
	log = &safeBuffer{}
	app, err := Open(t.Context(), cfg, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(app)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("does not stop")
			return nil
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return app, log, stop
}

func testConfig(t *testing.T, args ...string) Config {
	t.Helper()
	elsewhere(t)
	cfg, err := parseServe(t, append([]string{"--port=0"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func httpClient(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

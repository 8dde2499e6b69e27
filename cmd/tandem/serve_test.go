package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// fakeBoard is a switchboard that a test holds in its hands.
type fakeBoard struct {
	drain func(context.Context) error
	close func() error
}

func (b fakeBoard) Drain(ctx context.Context) error { return b.drain(ctx) }
func (b fakeBoard) Close() error                    { return b.close() }
func (fakeBoard) nodeName() string                  { return "fake" }

// replace puts it in the place of the app's own.
func (b fakeBoard) replace(t *testing.T, a *App) {
	t.Helper()
	if err := a.board.Close(); err != nil {
		t.Fatal(err)
	}
	a.board = b
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestServeAnswersOnLoopback(t *testing.T) {
	app, _, stop := start(t, testConfig(t, "--admin-listen=127.0.0.1:0"), nil)
	c := httpClient(t)
	for path, want := range map[string]string{"/": "<title>", "/healthz": "ok", "/readyz": "ready", "/api/users/online": "["} {
		if code, body := get(t, c, app.URL()+path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.60s", path, code, body)
		}
	}
	for path, want := range map[string]string{"/metrics": "go_goroutines", "/readyz": "ready", "/debug/pprof/": "goroutine"} {
		if code, body := get(t, c, app.AdminURL()+path); code != 200 || !strings.Contains(body, want) {
			t.Errorf("operators %s: %d %.60s", path, code, body)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", app.Port())); err == nil {
		_ = conn.Close()
		t.Fatal("still listening")
	}
}

func TestServePortInUse(t *testing.T) {
	app, _, _ := start(t, testConfig(t), nil)
	cfg := app.cfg
	cfg.Address.Port = app.Port()
	_, err := Open(t.Context(), cfg, app.log)
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "--port") {
		t.Fatalf("%v", err)
	}
}

func TestO2_DrainTellsBeforeItCloses(t *testing.T) {
	var app *App
	steps := make(chan string, 10)
	readiness := make(chan string, 1)
	held := make(chan struct{})
	app, _, stop := start(t, testConfig(t, "--admin-listen=127.0.0.1:0"), func(a *App) {
		fakeBoard{
			drain: func(context.Context) error {
				steps <- "drain"
				<-held
				return nil
			},
			close: func() error {
				steps <- "close"
				return nil
			},
		}.replace(t, a)
	})
	c := httpClient(t)
	done := make(chan error, 1)
	go func() { done <- stop() }()
	if s := <-steps; s != "drain" {
		t.Fatalf("first %s", s)
	}
	// While it drains operators see it, and nobody new comes in.
	_, body := get(t, c, app.AdminURL()+"/readyz")
	readiness <- body
	if !strings.Contains(<-readiness, "draining") {
		t.Fatalf("readiness %s", body)
	}
	close(held)
	if s := <-steps; s != "close" {
		t.Fatalf("then %s", s)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestO2_ExitsByDrainTimeoutWhateverHangs(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, b := range map[string]fakeBoard{
		"drain hangs":  {func(context.Context) error { <-release; return nil }, func() error { return nil }},
		"close hangs":  {func(context.Context) error { return nil }, func() error { <-release; return nil }},
		"clients stay": {func(ctx context.Context) error { <-ctx.Done(); return errors.New("3 clients") }, func() error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			_, log, stop := start(t, testConfig(t, "--drain-timeout=300ms"), func(a *App) { b.replace(t, a) })
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if name == "clients stay" && !strings.Contains(log.String(), "3 clients") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func TestO2_RunEndsWithItsContext(t *testing.T) {
	elsewhere(t)
	ctx, cancel := context.WithCancel(context.Background())
	var errs safeBuffer
	pr, pw := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"--port=0", "--log-format=text"}, pw, &errs)
		_ = pw.Close()
	}()
	lines := bufio.NewScanner(pr)
	var banner strings.Builder
	for lines.Scan() {
		banner.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ctrl-C") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, pr) }()
	cancel()
	if c := <-code; c != 0 {
		t.Fatalf("exit code %d: %s", c, errs.String())
	}
	if !strings.Contains(banner.String(), "http://localhost:") {
		t.Fatalf("banner %s", banner.String())
	}
}

func TestI7_DevelopmentCertificate(t *testing.T) {
	app, _, _ := start(t, testConfig(t, "--tls-dev"), nil)
	var seen *x509.Certificate
	conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", app.Port()), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	seen = conn.ConnectionState().PeerCertificates[0]
	_ = conn.Close()
	sum := sha256.Sum256(seen.Raw)
	if want := strings.ReplaceAll(app.devPrint, ":", ""); !strings.EqualFold(want, fmt.Sprintf("%x", sum)) {
		t.Fatalf("fingerprint %s, certificate %x", app.devPrint, sum)
	}
	roots := x509.NewCertPool()
	roots.AddCert(seen)
	names := append([]string{"localhost", "127.0.0.1", "::1"}, devNames()...)
	for _, ip := range lanAddresses() {
		names = append(names, ip.String())
	}
	for _, name := range names {
		if err := seen.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := seen.Verify(x509.VerifyOptions{Roots: roots, DNSName: "localhost"}); err != nil {
		t.Error(err)
	}
	c := httpClient(t)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	if code, body := get(t, c, app.URL()+"/healthz"); code != 200 || !strings.HasPrefix(app.URL(), "https://") {
		t.Fatalf("%s: %d %s", app.URL(), code, body)
	}
	var out bytes.Buffer
	app.announce(&out, true)
	if !strings.Contains(out.String(), app.devPrint) {
		t.Fatalf("the banner has no fingerprint: %s", out.String())
	}
}

func TestI7_CertificateFiles(t *testing.T) {
	dir := elsewhere(t)
	cert, _, err := devCertificate(time.Now(), []string{"localhost"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile := writeFile(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	keyFile := writeFile(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	cfg, err := parseServe(t, "--port=0", "--tls-cert="+certFile, "--tls-key="+keyFile)
	if err != nil {
		t.Fatal(err)
	}
	app, _, _ := start(t, cfg, nil)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	c := httpClient(t)
	c.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	if code, _ := get(t, c, app.URL()+"/healthz"); code != 200 {
		t.Fatal(code)
	}
	cfg.TLS.TLSKey = certFile
	if _, err := Open(t.Context(), cfg, app.log); err == nil {
		t.Fatal("a certificate served as its key")
	}
}

func TestBannerSaysHowItRuns(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
		not  []string
	}{
		{nil, []string{"only this machine is served", "in memory", "JWT_SECRET", "this server's own only"}, []string{"Warning", "Back end", "Webhooks", "Who may"}},
		{[]string{
			"--webhook-url=http://127.0.0.1:1/hidden-pass#call.*,http://u:hidden-pass@127.0.0.1:2/x", "--webhook-secret=hidden-pass-0123456789",
			"--permit-url=http://127.0.0.1:3/may?key=hidden-pass", "--permit-secret=hidden-pass-0123456789", "--permit-fail=open",
		}, []string{"to 127.0.0.1:1 (call.*), 127.0.0.1:2", "127.0.0.1:3 is asked; EVERYBODY"}, nil},
		{[]string{"--jwt-secret=" + testSecret, "--listen=127.0.0.1"}, []string{"tokens signed with JWT_SECRET (HS256)", "cookie jwt"}, []string{"this machine"}},
		{[]string{"--insecure-no-auth"}, []string{"NOBODY IS CHECKED", "Network"}, nil},
		{[]string{"--redis-url=" + withPassword(t, "hidden-pass"), "--node-name=node-a", "--cluster-secret=" + testSecret, "--mongo-uri=mongodb://u:hidden-pass@m/?serverSelectionTimeoutMS=100"}, []string{
			"presence and active calls in Redis", "node node-a of a cluster", "kept, with the log of calls, in MongoDB, database test of m",
		}, []string{"in memory"}},
		{[]string{"--backend-url=http://127.0.0.1:1", "--frontend-url=https://app.example"}, []string{
			"/tandem/", "gets every path that Tandem does not serve", "https://app.example and this server's own",
		}, nil},
		{[]string{"--admin-listen=127.0.0.1:0"}, []string{"Operators", "/metrics"}, []string{"sees everything"}},
	} {
		app, log, stop := start(t, testConfig(t, tt.args...), nil)
		var plain bytes.Buffer
		app.announce(&plain, true)
		app.announce(&plain, false) // into the log
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if want == "Network" && len(lanAddresses()) == 0 {
				continue
			}
			if !strings.Contains(plain.String(), want) || !strings.Contains(log.String(), want) && want != "Warning" && want != "Network" && want != "Operators" {
				t.Errorf("%v: no %q in\n%s\n%s", tt.args, want, plain.String(), log)
			}
		}
		for _, not := range append(tt.not, testSecret, "hidden-pass") { // O5
			if strings.Contains(plain.String(), not) {
				t.Errorf("%v: %q in\n%s", tt.args, not, plain.String())
			}
		}
		if strings.Contains(log.String(), testSecret) || strings.Contains(log.String(), "hidden-pass") {
			t.Errorf("%v: a secret in the log:\n%s", tt.args, log)
		}
	}
}

// withPassword is the URL of a Redis that asks for a password.
func withPassword(t *testing.T, password string) string {
	s := redistest.Start(t)
	s.MustCommand("CONFIG", "SET", "requirepass", password)
	return "redis://:" + password + "@" + s.Addr
}

// TestO5_WholeRunLogsNoSecrets connects with tokens, good and bad, and reads all
// that was written.
func TestO5_WholeRunLogsNoSecrets(t *testing.T) {
	cfg := testConfig(t, "--jwt-secret=short-one", "--listen=127.0.0.1", "--backend-url=http://127.0.0.1:1", "--log-level=debug", "--redis-url="+withPassword(t, "hidden-pass"))
	app, log, stop := start(t, cfg, nil)
	c := httpClient(t)
	for _, url := range []string{"/api/users/online?userId=a", "/anything?token=query-token", "/socket.io/?EIO=4&transport=polling&token=query-token"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL()+url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer header-token")
		req.Header.Set("Cookie", "jwt=cookie-token")
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if !strings.Contains(text, "JWT_SECRET is short") || !strings.Contains(text, "back end does not answer") {
		t.Errorf("log: %s", text)
	}
	for _, secret := range []string{"short-one", "hidden-pass", "query-token", "header-token", "cookie-token"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the log:\n%s", secret, text)
		}
	}
}

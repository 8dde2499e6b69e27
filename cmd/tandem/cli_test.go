package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
)

func TestI6_EnvironmentNames(t *testing.T) {
	elsewhere(t)
	t.Setenv("PORT", "7001")
	t.Setenv("REDIS_URL", "redis://:rp@r:6379")
	t.Setenv("MONGO_DB_URI", "mongodb://m")
	t.Setenv("JWT_SECRET", testSecret)
	t.Setenv("FRONTEND_URL", "http://a.example,http://b.example")
	t.Setenv("BACKEND_URL", "http://127.0.0.1:8000")
	t.Setenv("TANDEM_RING_TIMEOUT", "10s")
	t.Setenv("TANDEM_TRUSTED_PROXIES", "10.0.0.0/8,::1/128")
	c, err := parseServe(t)
	if err != nil {
		t.Fatal(err)
	}
	if c.Address.Port != 7001 || c.Servers.RedisURL.Reveal() != "redis://:rp@r:6379" ||
		c.Servers.MongoURI.Reveal() != "mongodb://m" || c.Identity.JWTSecret.Reveal() != testSecret ||
		c.Identity.FrontendURL != "http://a.example,http://b.example" || c.Servers.BackendURL != "http://127.0.0.1:8000" ||
		c.Calls.RingTimeout != 10*time.Second || len(c.Servers.TrustedProxies) != 2 {
		t.Fatalf("%+v", c)
	}
	if c, err = parseServe(t, "--port=7002"); err != nil || c.Address.Port != 7002 {
		t.Fatalf("a flag does not win: %d %v", c.Address.Port, err)
	}
}

func TestI6_EnvFile(t *testing.T) {
	dir := elsewhere(t)
	writeFile(t, dir, ".env", "PORT=7003\nJWT_SECRET=\"from the file, quoted\"\n# a comment\nexport TANDEM_PING_INTERVAL=3s\n")
	c, err := parseServe(t)
	if err != nil {
		t.Fatal(err)
	}
	if c.Address.Port != 7003 || c.Identity.JWTSecret.Reveal() != "from the file, quoted" || c.Liveness.PingInterval != 3*time.Second {
		t.Fatalf("%+v", c)
	}
	t.Setenv("PORT", "7004")
	if c, _ = parseServe(t); c.Address.Port != 7004 {
		t.Fatalf("the environment does not win: %d", c.Address.Port)
	}
	t.Setenv("PORT", "") // set to nothing is not set
	if c, err = parseServe(t); err != nil || c.Address.Port != 7003 {
		t.Fatalf("an empty variable: %d %v", c.Address.Port, err)
	}
	if c, _ = parseServe(t, "--port", "7005"); c.Address.Port != 7005 {
		t.Fatalf("a flag does not win: %d", c.Address.Port)
	}
	other := writeFile(t, dir, "other.env", "PORT=7006\n")
	t.Setenv("PORT", "")
	for _, args := range [][]string{{"--env-file", other}, {"--env-file=" + other}, {"serve", "--env-file", other}} {
		if c, err = parseServe(t, args...); err != nil || c.Address.Port != 7006 || c.Identity.JWTSecret != "" {
			t.Fatalf("%v: %+v %v", args, c, err)
		}
	}
	if _, err = parseServe(t, "--env-file=nothing.env"); err == nil || !strings.Contains(err.Error(), "nothing.env") {
		t.Fatalf("a file that is not there: %v", err)
	}
	writeFile(t, dir, ".env", "JWT_SECRET \"top secret\n")
	if _, err = parseServe(t); err == nil || strings.Contains(err.Error(), "top secret") {
		t.Fatalf("a broken file: %v", err)
	}
}

func TestI6_EmptyPortIsTheDefault(t *testing.T) {
	elsewhere(t)
	t.Setenv("PORT", "")
	if c, err := parseServe(t); err != nil || c.Address.Port != 5000 {
		t.Fatalf("%d %v", c.Address.Port, err)
	}
}

func TestI4_WhereItMayListen(t *testing.T) {
	elsewhere(t)
	for _, tt := range []struct {
		args string
		host string
		port int
		ok   bool
	}{
		{"", "localhost", 5000, true},
		{"--jwt-secret=x", "", 5000, true},
		{"--jwks-url=https://keys.example/", "", 5000, true},
		{"--insecure-no-auth", "", 5000, true},
		{"--listen=127.0.0.1", "127.0.0.1", 5000, true},
		{"--listen=127.0.0.1:80", "127.0.0.1", 80, true},
		{"--listen=[::1]:80", "::1", 80, true},
		{"--listen=::1", "::1", 5000, true},
		{"--listen=localhost:0", "localhost", 0, true},
		{"--listen=0.0.0.0", "", 0, false},
		{"--listen=:5000", "", 0, false},
		{"--listen=192.168.1.7:5000", "", 0, false},
		{"--listen=[::]:5000", "", 0, false},
		{"--listen=myhost", "", 0, false},
		{"--listen=localhost.evil.example", "", 0, false},
		{"--listen=0.0.0.0 --jwt-secret=x", "0.0.0.0", 5000, true},
		{"--listen=0.0.0.0 --insecure-no-auth", "0.0.0.0", 5000, true},
		{"--listen=localhost:http", "", 0, false},
		{"--listen=a:b:c", "", 0, false},
		{"--port=70000", "", 0, false},
	} {
		c, err := parseServe(t, strings.Fields(tt.args)...)
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		if err != nil {
			continue
		}
		if host, port, err := c.address(); err != nil || host != tt.host || port != tt.port {
			t.Errorf("%s: %q %d %v", tt.args, host, port, err)
		}
	}
	_, err := parseServe(t, "--listen=0.0.0.0")
	for _, want := range []string{"JWT_SECRET", "--jwks-url", "--insecure-no-auth", "this machine only"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestConfigMistakesAreRefused(t *testing.T) {
	elsewhere(t)
	for _, args := range []string{
		"--tls-cert=a.pem", "--tls-key=a.pem", "--tls-dev --tls-cert=a --tls-key=b", "--ring-timeout=0s",
		"--offline-grace=-1s", "--events-rate=0", "--max-payload=0", "--ring-timeout=soon", "--log-level=loud",
		"--trusted-proxies=everyone", "--nonsense", "unknown",
	} {
		if _, err := parseServe(t, strings.Fields(args)...); err == nil {
			t.Errorf("%s: accepted", args)
		}
	}
	if code := run(context.Background(), []string{"--nonsense"}, &bytes.Buffer{}, &bytes.Buffer{}); code != 2 {
		t.Errorf("exit code %d", code)
	}
}

func TestI6_HelpNamesEverything(t *testing.T) {
	elsewhere(t)
	t.Setenv("JWT_SECRET", testSecret)
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), args, &out, &errs); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		help := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range []string{
			"($PORT)", "($REDIS_URL)", "($MONGO_DB_URI)", "($JWT_SECRET)", "($FRONTEND_URL)", "($BACKEND_URL)",
			"--port=5000", "--ring-timeout=45s", "--offline-ring", "--webhook-url", "($TANDEM_WEBHOOK_SECRETS)", "--resume-window=20s", "--presence-broadcast-limit=500",
			"--presence-interval=1s", "--offline-grace=5s", "--ping-interval=25s", "--ping-timeout=20s",
			"--call-ping-interval=5s", "--call-ping-timeout=10s", "--typing-expiry=6s", "--typing-rate", "--events-rate",
			"--events-burst", "--calls-per-minute", "--sessions-per-user", "--max-payload", "--max-queue", "--drain-timeout",
			"--handshake-timeout", "--max-connections", "--tls-dev", "--tls-cert", "--insecure-no-auth", "--admin-listen",
			"($TANDEM_RING_TIMEOUT)", "Where it listens", "Who is who", "HTTPS", "Other servers", "Calls", "Presence and typing",
			"Limits", "Connections", "Operation",
		} {
			if !strings.Contains(help, want) {
				t.Errorf("%v does not mention %s", args, want)
			}
		}
		if strings.Contains(help, testSecret) {
			t.Errorf("%v shows the secret", args)
		}
	}
}

func TestO5_SecretsDoNotPrint(t *testing.T) {
	elsewhere(t)
	cfg, err := parseServe(t, "--jwt-secret="+testSecret, "--redis-url=redis://:hidden-pass@r", "--mongo-uri=mongodb://u:hidden-pass@m")
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "config", cfg, "secret", cfg.Identity.JWTSecret)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "config", cfg, "secret", cfg.Identity.JWTSecret)
	for _, text := range []string{
		fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), cfg.Identity.JWTSecret.String(),
		string(encoded), logged.String(),
	} {
		if strings.Contains(text, testSecret) || strings.Contains(text, "hidden-pass") {
			t.Errorf("a secret is in %s", text)
		}
	}
}

func TestTokenCommand(t *testing.T) {
	elsewhere(t)
	t.Setenv("JWT_SECRET", testSecret)
	var out, errs bytes.Buffer
	args := []string{"token", "--user", "alice", "--name", "Alice L", "--ttl", "1h", "--claim", `can=["call","room:a;b"]`, "--claim", "gender=female"}
	if code := run(context.Background(), args, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	v, err := auth.New(t.Context(), auth.Config{Secret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	id, err := v.Verify(context.Background(), strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	if id.User != "alice" || id.Name != "Alice L" || id.Profile.Gender != "female" || !id.May("room:a;b") || id.May("message") {
		t.Fatalf("%+v %+v", id, id.Profile)
	}
	if left := time.Until(id.Expires); left > time.Hour || left < 59*time.Minute {
		t.Fatalf("good for %v", left)
	}
	for _, bad := range [][]string{{"token"}, {"token", "--user", "null"}, {"token", "--user=a", "--ttl=-1s"}, {"token", "--user=a", "--jwt-secret="}} {
		out.Reset()
		if code := run(context.Background(), bad, &out, &errs); code == 0 || strings.Contains(out.String(), "ey") {
			t.Errorf("%v: code %d, %q", bad, code, out.String())
		}
	}
}

func TestVersionCommand(t *testing.T) {
	elsewhere(t)
	var out bytes.Buffer
	if code := run(context.Background(), []string{"version"}, &out, &out); code != 0 || !strings.HasPrefix(out.String(), "tandem ") {
		t.Fatalf("%d %q", code, out.String())
	}
}

// TestO3_HealthCommandAsks: it must not serve.
func TestO3_HealthCommandAsks(t *testing.T) {
	app, _, stop := start(t, testConfig(t), nil)
	ask := func() (code int, out string) {
		var b safeBuffer
		code = run(t.Context(), []string{"health", fmt.Sprintf("--port=%d", app.Port())}, &b, &b)
		return code, b.String()
	}
	if code, out := ask(); code != 0 || !strings.Contains(out, "ready") {
		t.Fatalf("%d %q", code, out)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if code, out := ask(); code != 1 || !strings.Contains(out, "no answer") {
		t.Fatalf("nothing serves: %d %q", code, out)
	}
}

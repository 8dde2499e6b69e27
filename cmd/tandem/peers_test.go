package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// nodesOf starts nodes of one cluster.
func nodesOf(t *testing.T, redis *redistest.Server, names ...string) []*App {
	t.Helper()
	apps := make([]*App, len(names))
	for i, name := range names {
		cfg := testConfig(t, "--jwt-secret="+testSecret, "--listen=127.0.0.1", "--redis-url="+redis.URL(), "--node-name="+name, "--drain-timeout=5s",
			"--cluster-listen=127.0.0.1:0")
		apps[i], _, _ = start(t, cfg, nil)
	}
	return apps
}

// TestP9_NodesPassPollsOn by what they said in Redis of where they listen.
func TestP9_NodesPassPollsOn(t *testing.T) {
	apps := nodesOf(t, redistest.Start(t), "a", "b")
	c := httpClient(t)
	const path = "/socket.io/?EIO=4&transport=polling"
	_, body := get(t, c, apps[0].URL()+path)
	var hello struct{ SID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "0")), &hello); err != nil || hello.SID == "" {
		t.Fatalf("handshake %s: %v", body, err)
	}
	url := apps[1].URL() + path + "&sid=" + hello.SID
	res, err := c.Post(url, "text/plain;charset=UTF-8", strings.NewReader(`40{"token":"none"}`))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != 200 || string(b) != "ok" {
		t.Fatalf("post: %d %s", res.StatusCode, b)
	}
	if code, body := get(t, c, url); code != 200 || !strings.HasPrefix(body, "44") || !strings.Contains(body, "unauthorized") {
		t.Fatalf("poll: %d %s", code, body)
	}
	// What no node signed is refused where nodes listen.
	peer := "http://" + apps[0].board.(*board).peerListener.Addr().String()
	if code, body := get(t, c, peer+path+"&sid="+hello.SID); code != http.StatusForbidden || !strings.Contains(body, "bad_signature") {
		t.Errorf("unsigned: %d %s", code, body)
	}
	if code, _ := get(t, c, peer+"/metrics"); code != http.StatusNotFound {
		t.Errorf("metrics of the peer listener: %d", code)
	}
}

// TestO3_ClusterMetrics: the node says how it stands with Redis and the bus.
func TestO3_ClusterMetrics(t *testing.T) {
	redis := redistest.Start(t)
	cfg := testConfig(t, "--jwt-secret="+testSecret, "--redis-url="+redis.URL(), "--node-name=a", "--redis-timeout=200ms", "--admin-listen=127.0.0.1:0")
	app, _, _ := start(t, cfg, nil)
	c := httpClient(t)
	_, body := get(t, c, app.AdminURL()+"/metrics")
	for _, line := range []string{"\ntandem_redis_degraded 0\n", "\ntandem_redis_nodes 1\n", "\ntandem_bus_sent_total"} {
		if !strings.Contains(body, line) {
			t.Errorf("no %q in the metrics", line)
		}
	}
	redis.Kill()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(body, "\ntandem_redis_degraded 1\n"); _, body = get(t, c, app.AdminURL()+"/metrics") {
		if time.Now().After(deadline) {
			t.Fatalf("Redis is away, and the metrics do not say so")
		}
	}
	if code, body := get(t, c, app.URL()+"/readyz"); code != 200 || !strings.Contains(body, "degraded") {
		t.Errorf("readiness: %d %s", code, body)
	}
}

func TestClusterAdvertise(t *testing.T) {
	for _, tt := range []struct{ given, listens, want string }{
		{"", "127.0.0.1:7000", "127.0.0.1:7000"},
		{"tandem-1:7001", "0.0.0.0:7000", "tandem-1:7001"},
		{"", "10.1.2.3:7000", "10.1.2.3:7000"},
	} {
		if got := advertised(tt.given, tt.listens); got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.given, tt.listens, got, tt.want)
		}
	}
	for _, all := range []string{"0.0.0.0:7000", "[::]:7000"} {
		host, port, err := net.SplitHostPort(advertised("", all))
		if ip := net.ParseIP(host); err != nil || port != "7000" || ip == nil || ip.IsUnspecified() {
			t.Errorf("%s is advertised as %s:%s", all, host, port)
		}
	}
}

func TestClusterRedisIsHere(t *testing.T) {
	for url, want := range map[string]bool{
		"redis://127.0.0.1:6379/0": true, "redis://:secret@localhost:6379": true, "rediss://[::1]:6380": true,
		"redis://redis:6379": false, "redis://10.0.0.7": false, "redis://a:1,b:2": false,
	} {
		if got := redisIsHere(url); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
}

func TestClusterListenInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := testConfig(t, "--jwt-secret="+testSecret, "--listen=127.0.0.1", "--redis-url="+redistest.Start(t).URL(), "--cluster-listen="+l.Addr().String())
	if app, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--cluster-listen") {
		if err == nil {
			_ = app.Close()
		}
		t.Fatalf("%v", err)
	}
}

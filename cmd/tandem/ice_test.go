package main

import (
	"strings"
	"testing"
)

func TestICEServersReachClients(t *testing.T) {
	cfg := testConfig(t, "--ice-server=stun:stun.example:3478,stuns:other.example")
	want := `[{"urls":["stun:stun.example:3478","stuns:other.example"]}]`
	if got := string(cfg.signaling(nil).ICEServers); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, bad := range []string{"stun.example", "stun:", "http://stun.example"} {
		if _, err := parseServe(t, "--ice-server="+bad); err == nil || !strings.Contains(err.Error(), "stun:HOST:PORT") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

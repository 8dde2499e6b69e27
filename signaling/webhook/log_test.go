package webhook_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

// TestO5_EndpointsAreNotLogged: their URLs may hold secrets.
func TestO5_EndpointsAreNotLogged(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	var text bytes.Buffer
	cfg := quick(dead.URL + "/hooks/geheim")
	cfg.Logger = slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := send(t, cfg, file(t))
	s.tell(online("ann", 1))
	waitFor(t, "an attempt", func() bool { return s.count("tandem_webhook_attempts_total", "result=failed") > 0 })
	if _, err := webhook.Test(t.Context(), cfg, cfg.Endpoints[0]); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("a test says %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); !strings.Contains(got, "refused") || strings.Contains(got, "geheim") {
		t.Errorf("logged %s", got)
	}
}

package push_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/push"
)

// TestO5_EndpointsAreNotLogged: the URL of a browser is known to nobody else.
func TestO5_EndpointsAreNotLogged(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	var text bytes.Buffer
	k := start(t, func(c *push.Config) {
		c.Hosts, c.Tries, c.Logger = []string{dead.URL}, 1, slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	sub := k.recv.Browser()
	sub.Endpoint = dead.URL + "/geheim"
	if _, err := k.Subscribe(t.Context(), "bob", sub); err != nil {
		t.Fatal(err)
	}
	k.Ringing(ring("bob", "1", time.Minute))
	k.until("the push is given up", func() bool { return k.metric("tandem_push_total", "outcome=failed") == 1 })
	k.Close()
	if got := text.String(); !strings.Contains(got, "refused") || strings.Contains(got, "geheim") {
		t.Errorf("logged %s", got)
	}
}

package permit

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestO5_TheEndpointIsNotLogged: its URL may hold a secret.
func TestO5_TheEndpointIsNotLogged(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	var text bytes.Buffer
	a, _ := newAsker(t, dead.URL+"/may?key=geheim", func(c *Config) {
		c.Failures, c.Logger = 2, slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	for _, to := range []string{"bob", "carol"} {
		if ans := a.must(t, Question{Call, "alice", to}); !ans.Failed {
			t.Fatalf("%+v", ans)
		}
	}
	a.Close()
	if got := text.String(); strings.Count(got, "refused") != 2 || strings.Contains(got, "geheim") {
		t.Errorf("logged %s", got)
	}
}

package redistest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServerRestartsEmpty(t *testing.T) {
	s := redistest.Start(t)
	s.MustCommand("SET", "a", "1")
	if got := s.MustCommand("GET", "a"); got != "1" {
		t.Fatalf("GET = %q", got)
	}
	s.Restart()
	if got := s.MustCommand("GET", "a"); got != "" {
		t.Fatalf("after the restart GET = %q", got)
	}
	s.Kill()
	if _, err := s.Command("PING"); err == nil {
		t.Fatal("a killed server answers")
	}
	s.Restart()
	s.Freeze()
	s.Thaw()
	s.MustCommand("PING")
}

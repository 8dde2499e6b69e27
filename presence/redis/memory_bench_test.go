package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// BenchmarkMemory is what Redis keeps of a session, each of another user, and of
// a ringing call with an offer of 2 KiB, mirrors included.
func BenchmarkMemory(b *testing.B) {
	ctx := context.Background()
	rs := redistest.Start(b)
	s, err := newWorld(b, Config{URL: rs.URL()}).Join("n", &presencetest.Handler{})
	if err != nil {
		b.Fatal(err)
	}
	st := s.(*Store)
	used := func() float64 {
		for line := range strings.Lines(rs.MustCommand("INFO", "memory")) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
				n, err := strconv.ParseFloat(v, 64)
				if err != nil {
					b.Fatal(err)
				}
				return n
			}
		}
		b.Fatal("no used_memory")
		return 0
	}
	const users = 2000
	user := func(i int) string { return fmt.Sprintf("%024x", i) } // as an ObjectId
	for b.Loop() {
		rs.MustCommand("FLUSHALL")
		before := used()
		for i := range users {
			if err := st.Add(ctx, presence.Session{ID: fmt.Sprintf("tagtag.%022d", i), User: user(i), Device: fmt.Sprintf("%022d", i), Extended: true}); err != nil {
				b.Fatal(err)
			}
		}
		sessions := used()
		for i := range users / 2 {
			c, marks := ring(st, fmt.Sprintf("call-%022d", i), user(2*i), user(2*i+1))
			c.Offers[0].Signal = bigSignal("offer", int64(i)).Raw
			if err := st.Open(ctx, c, marks); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((sessions-before)/users, "bytes/session")
		b.ReportMetric((used()-sessions)/(users/2), "bytes/call")
	}
}

package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// bigSignal is as large as a browser's.
func bigSignal(typ string, session int64) call.Signal {
	return call.SignalInfo(fmt.Appendf(nil, `{"type":%q,"sdp":"v=0\r\no=- %d 2 IN IP4 127.0.0.1\r\ns=-\r\n%s"}`, typ, session,
		strings.Repeat(`a=rtpmap:111 opus/48000/2\r\n`, 70)))
}

// redisCPU is what the server has used so far.
func redisUsed(t testing.TB, s *redistest.Server) (used time.Duration) {
	for line := range strings.Lines(s.MustCommand("INFO", "cpu")) {
		name, v, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			sec, err := strconv.ParseFloat(v, 64)
			if err != nil {
				t.Fatal(err)
			}
			used += time.Duration(sec * float64(time.Second))
		}
	}
	return used
}

// BenchmarkCall is a whole call as the store sees it: it is opened on one node,
// answered on the other, ended and settled, by 50 pairs of users at once.
func BenchmarkCall(b *testing.B) {
	ctx := context.Background()
	server := redistest.Start(b)
	w := newWorld(b, Config{URL: server.URL()})
	var stores [2]presence.Store
	for i := range stores {
		s, err := w.Join(fmt.Sprint("n", i), &presencetest.Handler{})
		if err != nil {
			b.Fatal(err)
		}
		stores[i] = s
	}
	offer, answer := bigSignal("offer", 1), bigSignal("answer", 2)
	rules := call.DefaultConfig()
	var pairs, calls atomic.Int64
	redis, own := redisUsed(b, server), ownCPU()
	b.ReportAllocs()
	b.SetParallelism(25)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		n := pairs.Add(1)
		a, z := call.Who{User: fmt.Sprint("ann", n), Device: "d1", Extended: true}, call.Who{User: fmt.Sprint("zoe", n), Device: "d2", Extended: true}
		marks := []string{a.User, z.User}
		for pb.Next() {
			c, _ := call.New(rules, call.Ring{ID: fmt.Sprint("c-", calls.Add(1)), Caller: a, Callee: z.User, Signal: offer, Devices: []call.Who{z}}, stores[0].Now())
			check := func(err error) {
				if err != nil {
					b.Error(err)
				}
			}
			check(stores[0].Open(ctx, &c, marks))
			next, _, err := call.Step(c.Acked(c.Seq), call.Answer{Who: z, Signal: answer}, stores[1].Now())
			check(err)
			next.Version = c.Version + 1
			check(stores[1].Save(ctx, &next, c.Version))
			end, _, err := call.Step(next.Acked(next.Seq), call.End{Who: a}, stores[0].Now())
			check(err)
			check(stores[0].Save(ctx, &end, next.Version))
			stores[0].Settled(ctx, c.ID)
		}
	})
	b.StopTimer()
	n := float64(calls.Load())
	b.ReportMetric(float64((redisUsed(b, server)-redis).Nanoseconds())/1000/n, "redis-µs/call")
	b.ReportMetric(float64((ownCPU()-own).Nanoseconds())/1000/n, "go-µs/call")
}

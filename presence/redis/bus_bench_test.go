package redis

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/presencetest"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// BenchmarkBus sends 79-byte payloads between two nodes in both directions: as
// fast as they go with 400 on their way (saturated), and at 2,000 a second. It
// reports the CPU time of both nodes and of Redis for each payload, and the
// latency. Baseline is the same with nothing but XADD and XREAD BLOCK through
// go-redis, an entry a payload.
func BenchmarkBus(b *testing.B) {
	for _, kind := range []string{"bus", "must", "trunk", "baseline"} {
		for _, rate := range []int{0, 2000} {
			name := kind + "/saturated"
			if rate > 0 {
				name = kind + "/" + strconv.Itoa(rate)
			}
			b.Run(name, func(b *testing.B) {
				rs := redistest.Start(b)
				m := &meter{rs: rs, window: make(chan struct{}, 400)}
				var send [2]func([]byte)
				if kind == "baseline" {
					send = m.baseline(b)
				} else {
					lane := presence.BestEffort
					if kind != "bus" {
						lane = presence.Must
					}
					send = m.busses(b, lane, kind == "trunk")
				}
				m.run(b, rate, send)
			})
		}
	}
}

const benchSize = 79

// meter measures one run.
type meter struct {
	rs     *redistest.Server
	window chan struct{} // full while enough are on their way
	paced  bool
	got    atomic.Int64
	mu     sync.Mutex
	took   []time.Duration
}

var benchStart = time.Now()

func (m *meter) receive(payload []byte) {
	if d := time.Since(benchStart) - time.Duration(binary.BigEndian.Uint64(payload)); m.paced {
		m.mu.Lock()
		m.took = append(m.took, d)
		m.mu.Unlock()
	} else {
		<-m.window
	}
	m.got.Add(1)
}

func (m *meter) run(b *testing.B, rate int, send [2]func([]byte)) {
	m.paced = rate > 0
	payload := func() []byte {
		p := make([]byte, benchSize)
		binary.BigEndian.PutUint64(p, uint64(time.Since(benchStart)))
		return p
	}
	b.ResetTimer()
	redis, own := m.redisCPU(b), ownCPU()
	next := time.Now()
	var wg sync.WaitGroup
	if m.paced {
		for i := range b.N {
			next = next.Add(time.Duration(rand.ExpFloat64() * float64(time.Second) / float64(rate)))
			time.Sleep(time.Until(next)) // the pace is what is measured
			send[i%2](payload())
		}
	} else {
		for w := range 100 { // as many sessions
			n := b.N / 100
			if w < b.N%100 {
				n++
			}
			wg.Go(func() {
				for range n {
					m.window <- struct{}{}
					send[w%2](payload())
				}
			})
		}
	}
	wg.Wait()
	until(b, "all have arrived", func() bool { return m.got.Load() >= int64(b.N) })
	b.StopTimer()
	redis, own = m.redisCPU(b)-redis, ownCPU()-own
	per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(b.N) }
	b.ReportMetric(per(redis+own), "cpu-µs/msg")
	b.ReportMetric(per(redis), "redis-µs/msg")
	if len(m.took) > 0 {
		slices.Sort(m.took)
		at := func(p float64) float64 { return float64(m.took[int(p*float64(len(m.took)-1))].Nanoseconds()) / 1e3 }
		b.ReportMetric(at(.5), "p50-µs")
		b.ReportMetric(at(.99), "p99-µs")
	}
}

func (m *meter) busses(b *testing.B, lane presence.Lane, trunks bool) (send [2]func([]byte)) {
	h := &presencetest.Handler{OnReceive: func(_ presence.Peer, _ presence.Kind, p []byte) { m.receive(p) }}
	e := newDepot(b)
	change := func(c *Config) {
		if trunks {
			e.trunks(c)
		}
	}
	x, y := newBusNode(b, m.rs.URL(), "x", h, change), newBusNode(b, m.rs.URL(), "y", h, change)
	e.listen("x", x.serveTrunk)
	e.listen("y", y.serveTrunk)
	pair := func(from, to *busNode) func([]byte) {
		peer := to.self()
		return func(p []byte) {
			if err := from.send(peer, 1, lane, p, nil); err != nil {
				b.Error(err)
			}
		}
	}
	return [2]func([]byte){pair(x, y), pair(y, x)}
}

func (m *meter) baseline(b *testing.B) (send [2]func([]byte)) {
	ctx := b.Context() // over before the clean-up
	var wg sync.WaitGroup
	for i := range send {
		key := "inbox" + strconv.Itoa(i)
		tx := goredis.NewClient(&goredis.Options{Addr: m.rs.Addr})
		rx := goredis.NewClient(&goredis.Options{Addr: m.rs.Addr, ReadTimeout: 10 * time.Second})
		b.Cleanup(func() {
			rx.Close()
			wg.Wait()
			tx.Close()
		})
		wg.Go(func() {
			last := "0"
			for ctx.Err() == nil {
				r, err := rx.XRead(ctx, &goredis.XReadArgs{Streams: []string{key, last}, Count: 500, Block: 200 * time.Millisecond}).Result()
				if err != nil {
					continue
				}
				for _, e := range r[0].Messages {
					last = e.ID
					m.receive([]byte(e.Values["b"].(string)))
				}
			}
		})
		send[i] = func(p []byte) {
			add := &goredis.XAddArgs{Stream: key, MaxLen: 10_000, Approx: true, Values: []any{"b", p}}
			if m.paced { // as a relay would: the connection that sends does not wait for Redis
				wg.Go(func() { tx.XAdd(ctx, add) })
				return
			}
			if err := tx.XAdd(ctx, add).Err(); err != nil {
				b.Error(err)
			}
		}
	}
	return send
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (m *meter) redisCPU(b *testing.B) (sum time.Duration) {
	info, err := m.rs.Command("INFO", "cpu")
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(info, "\r\n") {
		name, v, _ := strings.Cut(line, ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			s, _ := strconv.ParseFloat(v, 64)
			sum += time.Duration(s * float64(time.Second))
		}
	}
	return sum
}

func BenchmarkDecodeBatch(b *testing.B) {
	batch := appendHead(nil, presence.Peer{Name: "node", Epoch: "epoch"}, 1, 1, 1)
	l := letter{kind: 1, lane: presence.BestEffort, payload: bytes.Repeat([]byte("x"), benchSize)}
	for range 20 {
		batch = appendLetter(batch, &l)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, rest, err := openBatch(batch)
		for err == nil && len(rest) > 0 {
			_, rest, err = nextLetter(rest)
		}
	}
}

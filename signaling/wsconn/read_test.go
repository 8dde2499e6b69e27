package wsconn

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestFragments_WithControlFramesBetween: the frames come byte by byte, so that
// every place where the reader may wait is waited at.
func TestFragments_WithControlFramesBetween(t *testing.T) {
	for _, bytewise := range []bool{false, true} {
		t.Run(fmt.Sprint(bytewise), func(t *testing.T) {
			s := newSite(t, Config{ParkAfter: 10 * time.Millisecond}, func(r *recorder) { r.onMessage = echo })
			nc, br, r := s.dialRaw()
			send := slices.Concat(masked(0x89, "p1"), masked(0x8a, "unasked"), masked(0x01, "one \xc3"), masked(0x89, "p2"),
				masked(0x00, ""), masked(0x8a, ""), masked(0x80, "\xa9"), masked(0x89, strings.Repeat("p", 125)), masked(0x82, ""))
			want := "\x8a\x02p1\x8a\x02p2\x81\x06one é\x8a\x7d" + strings.Repeat("p", 125) + "\x82\x00"
			go func() {
				if !bytewise {
					_, _ = nc.Write(send)
					return
				}
				for i := range send {
					_, _ = nc.Write(send[i : i+1])
				}
			}()
			got := make([]byte, len(want))
			_ = nc.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadFull(br, got); err != nil || string(got) != want {
				t.Fatalf("got %q, %v", got, err)
			}
			if m := r.seen(); !slices.Equal(m, []string{"one é", ""}) {
				t.Errorf("messages %q", m)
			}
		})
	}
}

// TestOnIdle_OncePerBatch: what arrives together is handed over together.
func TestOnIdle_OncePerBatch(t *testing.T) {
	s := newSite(t, Config{}, nil)
	nc, _, r := s.dialRaw()
	var batch []byte
	for range 50 {
		batch = append(batch, masked(0x81, "x")...)
	}
	_, _ = nc.Write(batch)
	eventually(t, "idle", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.events) > 0 && r.events[len(r.events)-1] == "idle"
	})
	_, _ = nc.Write(masked(0x89, "a ping is no message"))
	_, _ = nc.Write(slices.Concat(masked(0x81, "y"), masked(0x88, "\x03\xe8")))
	wantCause(t, await(t, r.closed), 1000, false, nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	want := slices.Concat(slices.Repeat([]string{"message"}, 50), []string{"idle", "message", "idle", "close"})
	if !slices.Equal(r.events, want) {
		t.Errorf("events %v", r.events)
	}
}

func TestPing_PongCountsAsRead(t *testing.T) {
	s := newSite(t, Config{ParkAfter: 10 * time.Millisecond}, nil)
	ws, r := s.dial(nil)
	go func() { _, _, _ = ws.ReadMessage() }() // answers pings
	for range 5 {
		eventually(t, "parked", func() bool { return r.state.Load() == parked })
		before := r.LastRead()
		r.Ping()
		eventually(t, "pong", func() bool { return r.LastRead().After(before) })
	}
	if d := time.Since(r.LastRead()); d < 0 || d > patience {
		t.Errorf("last read %v ago", d)
	}
	r.Close(1000, "")
	await(t, r.closed)
}

func TestSetHandler(t *testing.T) {
	second := &recorder{closed: make(chan Cause, 1)}
	s := newSite(t, Config{}, func(r *recorder) {
		r.onMessage = func(c *Conn, _ bool, _ []byte) { c.SetHandler(second) }
	})
	nc, _, r := s.dialRaw()
	_, _ = nc.Write(slices.Concat(masked(0x81, "one"), masked(0x81, "two")))
	_ = nc.Close()
	await(t, second.closed)
	if !slices.Equal(r.seen(), []string{"one"}) || !slices.Equal(second.seen(), []string{"two"}) {
		t.Errorf("%q, %q", r.seen(), second.seen())
	}
}

// TestPark_DataAtEveryMoment: messages that come before, while and after the
// reader parks are neither lost nor reordered, and the goroutine really goes.
func TestPark_DataAtEveryMoment(t *testing.T) {
	s := newSite(t, Config{ParkAfter: 10 * time.Millisecond}, func(r *recorder) { r.onMessage = echo })
	var wg sync.WaitGroup
	for g := range 30 {
		ws, r := s.dial(nil)
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(7, uint64(g)))
			for i := range 60 {
				n := 1 + rnd.IntN(3)
				for j := range n {
					_ = ws.WriteMessage(websocket.TextMessage, fmt.Append(nil, i, j))
				}
				for j := range n {
					_ = ws.SetReadDeadline(time.Now().Add(patience))
					if _, b, err := ws.ReadMessage(); err != nil || string(b) != fmt.Sprint(i, j) {
						t.Errorf("round %d: %q, %v", i, b, err)
						return
					}
				}
				time.Sleep(time.Duration(rnd.IntN(30_000)) * time.Microsecond) // around the moment of parking
			}
			eventually(t, "parked", func() bool { return r.state.Load() == parked })
			r.Conn.mu.Lock() // resume takes it before the next reader begins
			if r.shell != nil || r.msg != nil || r.out != nil {
				t.Error("parked with a buffer")
			}
			r.Conn.mu.Unlock()
			if g%2 == 0 {
				_ = ws.Close()
				wantCause(t, await(t, r.closed), 1006, false, io.EOF)
			} else {
				r.Close(1000, "")
				_, _, _ = ws.ReadMessage()
				wantCause(t, await(t, r.closed), 1000, true, nil)
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Server.conns != 0 || !s.awake.empty() || !s.settled.empty() {
		t.Error("connections left in the lists")
	}
	p := s.poller
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) != len(p.slots) {
		t.Errorf("%d of %d slots free", len(p.free), len(p.slots))
	}
}

// TestPark_CutAtEveryMoment aborts, closes and hangs up around the moment of
// parking; every connection ends once and leaves nothing.
func TestPark_CutAtEveryMoment(t *testing.T) {
	s := newSite(t, Config{ParkAfter: time.Millisecond, CloseTimeout: 20 * time.Millisecond}, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 60 {
				nc, _, r := s.dialRaw()
				d := time.Duration(rand.IntN(25_000)) * time.Microsecond
				how := rand.IntN(4)
				time.Sleep(d)
				switch how {
				case 0:
					r.Abort(io.ErrNoProgress)
				case 1:
					r.Close(1000, "")
				case 2:
					_ = nc.Close()
				case 3:
					_, _ = nc.Write(masked(0x88, "\x03\xe8"))
				}
				await(t, r.closed)
				_ = nc.Close()
			}
		})
	}
	wg.Wait()
	eventually(t, "all gone", func() bool { return s.Len() == 0 })
	p := s.poller
	eventually(t, "all slots free", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.free) == len(p.slots)
	})
}

package wsconn

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestChurn_LeavesNothing connects and disconnects in every way there is.
func TestChurn_LeavesNothing(t *testing.T) {
	s := newSite(t, Config{ParkAfter: time.Millisecond, CloseTimeout: 50 * time.Millisecond}, func(r *recorder) { r.onMessage = echo })
	s.conns = make(chan *recorder) // serve hands each over
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for r := range s.conns {
			if r == nil {
				return
			}
			if len(r.RemoteAddr())%2 == 0 {
				r.Queue(MustArrive, false, []byte("hello"))
				r.Flush()
			}
		}
	}()
	addr := strings.TrimPrefix(s.http.URL, "http://")
	buf := make([][256]byte, 16)
	churn := func(n int) {
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := range n / 16 {
					nc, err := net.Dial("tcp", addr)
					if err != nil {
						t.Error(err)
						return
					}
					_ = nc.SetDeadline(time.Now().Add(patience))
					_, _ = io.WriteString(nc, handshake)
					if _, err := nc.Read(buf[g][:]); err != nil {
						t.Error(err)
					}
					switch i % 8 {
					case 0: // orderly
						_, _ = nc.Write(masked(0x88, "\x03\xe8"))
						_, _ = io.Copy(io.Discard, nc)
					case 1: // half a frame, then gone
						_, _ = nc.Write(masked(0x81, "x")[:3])
					case 2: // a message without waiting for the answer
						_, _ = nc.Write(masked(0x81, "x"))
					case 3: // broken
						_, _ = nc.Write([]byte{0xff, 0xff})
					}
					_ = nc.(*net.TCPConn).SetLinger(0)
					_ = nc.Close()
				}
			})
		}
		wg.Wait()
		eventually(t, "all gone", func() bool { return s.Len() == 0 })
	}
	settle := func() (goroutines, files int, objects uint64) {
		s.http.CloseClientConnections()
		eventually(t, "quiet", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.live == 0 && len(s.leaving) == 0
		})
		var m runtime.MemStats
		for range 4 { // pools and finalizers take more than one
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), openFiles(t), m.HeapObjects
	}
	churn(1600)
	g0, f0, o0 := settle()
	churn(churns)
	eventually(t, "goroutines and files are back", func() bool {
		g, f, _ := settle()
		return g <= g0+1 && f <= f0+1
	})
	if _, _, o := settle(); o > o0+2000 {
		t.Errorf("%d heap objects, %d before", o, o0)
	}
	s.conns <- nil
	<-closed
}

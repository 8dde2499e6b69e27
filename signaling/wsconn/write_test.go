package wsconn

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// countingRaw counts the writes that reach the socket.
type countingRaw struct {
	syscall.RawConn
	writes atomic.Int32
}

func (r *countingRaw) Write(f func(uintptr) bool) error {
	r.writes.Add(1)
	return r.RawConn.Write(f)
}

func TestFlush_GathersFrames(t *testing.T) {
	raw := &countingRaw{}
	s := newSite(t, Config{}, func(r *recorder) {
		raw.RawConn = r.raw
		r.raw = raw
		r.Queue(MustArrive, false, []byte("greeting"))
	})
	ws, r := s.dial(nil)
	if n := raw.writes.Load(); n != 1 {
		t.Errorf("%d writes for the handshake and a greeting", n)
	}
	shared := NewFrame(true, []byte("sha"), []byte("red"))
	for i := range 100 {
		r.Queue(MustArrive, false, []byte("part "), fmt.Append(nil, i))
		r.QueueFrame(Droppable, shared)
	}
	if want := 100*(2+6) + 10*(2+6) + 90*(2+7); r.Pending() != want {
		t.Errorf("%d pending, want %d", r.Pending(), want)
	}
	r.Flush()
	r.Flush()
	if n := raw.writes.Load(); n != 2 {
		t.Errorf("%d writes for 200 messages and one Flush", n-1)
	}
	if r.Pending() != 0 || r.out != nil {
		t.Error("the buffer was not given back")
	}
	if string(shared.Payload()) != "shared" {
		t.Errorf("payload %q", shared.Payload())
	}
	_, _, _ = ws.ReadMessage()
	for i := range 100 {
		for _, want := range []string{fmt.Sprint("part ", i), "shared"} {
			if _, b, err := ws.ReadMessage(); err != nil || string(b) != want {
				t.Fatalf("%q, %v, want %q", b, err, want)
			}
		}
	}
}

func TestFlush_CompressedFramesAreShared(t *testing.T) {
	s := newSite(t, Config{Compression: true}, nil)
	plain, rp := s.dial(nil)
	zipped, rz := s.dial(&websocket.Dialer{EnableCompression: true})
	text := strings.Repeat("compress me ", 1000)
	f := NewFrame(false, []byte(text))
	rz.QueueFrame(MustArrive, f)
	if n := rz.Pending(); n > len(text)/10 {
		t.Errorf("%d bytes for %d", n, len(text))
	}
	rp.QueueFrame(MustArrive, f)
	for _, x := range []struct {
		ws *websocket.Conn
		r  *recorder
	}{{plain, rp}, {zipped, rz}} {
		x.r.Queue(MustArrive, false, []byte(text))
		x.r.Queue(MustArrive, false, []byte("short"))
		x.r.Flush()
		for _, want := range []string{text, text, "short"} {
			if _, b, err := x.ws.ReadMessage(); err != nil || string(b) != want {
				t.Fatalf("%d bytes, %v, want %d", len(b), err, len(want))
			}
		}
	}
}

// small makes the kernel buffer little on both sides.
func small(t *testing.T, nc net.Conn, r *recorder) {
	t.Helper()
	if err := r.sock.(*net.TCPConn).SetWriteBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	if err := nc.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
		t.Fatal(err)
	}
}

// TestO4_SlowReader_QueueFull: droppable frames go first, then the connection;
// and nobody waits for it meanwhile.
func TestO4_SlowReader_QueueFull(t *testing.T) {
	s := newSite(t, Config{MaxQueue: 256 << 10, DropAbove: 32 << 10, WriteTimeout: time.Hour}, nil)
	nc, _, r := s.dialRaw()
	small(t, nc, r)
	ws, other := s.dial(nil)
	msg := bytes.Repeat([]byte("x"), 8<<10)
	for r.Queue(Droppable, true, msg) {
		r.Flush()
	}
	if p := r.Pending(); p <= 32<<10 || p > 50<<10 {
		t.Errorf("dropped at %d pending", p)
	}
	for r.Queue(MustArrive, true, msg) {
		r.Flush()
		if p := r.Pending(); p > 256<<10 {
			t.Fatalf("%d pending", p)
		}
		other.Queue(MustArrive, false, []byte("not delayed"))
		other.Flush()
		if _, b, err := ws.ReadMessage(); err != nil || string(b) != "not delayed" {
			t.Fatal(string(b), err)
		}
	}
	wantCause(t, await(t, r.closed), 1006, true, ErrSlow)
	if r.Queue(Droppable, true, msg) || r.QueueFrame(MustArrive, NewFrame(true)) {
		t.Error("queued after the end")
	}
}

func TestO4_SlowReader_NoProgress(t *testing.T) {
	for _, how := range []string{"waiting", "parked"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, Config{WriteTimeout: 100 * time.Millisecond, ParkAfter: 10 * time.Millisecond}, nil)
			nc, _, r := s.dialRaw()
			small(t, nc, r)
			if how == "parked" {
				eventually(t, "parked", func() bool { return r.state.Load() == parked })
			}
			start := time.Now()
			r.Queue(MustArrive, true, make([]byte, 900<<10))
			r.Flush()
			wantCause(t, await(t, r.closed), 1006, true, ErrSlow)
			if d := time.Since(start); d < 100*time.Millisecond {
				t.Errorf("after %v", d)
			}
		})
	}
}

// TestO4_SlowReader_Progress: one that reads slowly, but reads, gets everything,
// however long that takes.
func TestO4_SlowReader_Progress(t *testing.T) {
	s := newSite(t, Config{WriteTimeout: time.Second}, nil)
	nc, br, r := s.dialRaw()
	small(t, nc, r)
	start, want := time.Now(), 0
	for range 12 {
		r.Queue(MustArrive, true, make([]byte, 70<<10))
		r.Flush()
		want += 10 + 70<<10
	}
	for got, buf := 0, make([]byte, 32<<10); got < want; {
		n, err := br.Read(buf)
		if err != nil {
			t.Fatalf("%d bytes of %d: %v", got, want, err)
		}
		got += n
		time.Sleep(50 * time.Millisecond) // the reader's slowness, nothing waits for it
	}
	if d := time.Since(start); d < time.Second {
		t.Errorf("read within %v: that was not slow", d)
	}
	_ = nc.Close()
	wantCause(t, await(t, r.closed), 1006, false, io.EOF)
}

// TestClose_AfterBacklog: what is queued goes first, even if it takes longer than
// CloseTimeout.
func TestClose_AfterBacklog(t *testing.T) {
	s := newSite(t, Config{CloseTimeout: 20 * time.Millisecond}, nil)
	nc, br, r := s.dialRaw()
	small(t, nc, r)
	r.Queue(MustArrive, true, make([]byte, 300<<10))
	r.Flush()
	r.Queue(MustArrive, true, make([]byte, 70<<10))
	r.Close(1000, "")
	time.Sleep(100 * time.Millisecond) // the reader's slowness, nothing waits for it
	n, err := io.Copy(io.Discard, br)
	if want := int64(10 + 300<<10 + 10 + 70<<10 + 4); err != nil || n != want {
		t.Errorf("%d bytes, %v, want %d", n, err, want)
	}
	wantCause(t, await(t, r.closed), 1000, true, nil)
}

// TestQueue_MoreThanMaxQueueUnflushed: a queue that is full only because nobody
// flushed is no slow reader; and one frame may be longer than the queue.
func TestQueue_MoreThanMaxQueueUnflushed(t *testing.T) {
	s := newSite(t, Config{MaxQueue: 10_000}, nil)
	ws, r := s.dial(nil)
	if !r.Queue(MustArrive, true, make([]byte, 20_000)) {
		t.Fatal("a long frame was refused")
	}
	go func() {
		for range 100 {
			r.Queue(Droppable, true, make([]byte, 100))
		}
		r.Flush()
	}()
	for i := range 101 {
		if _, b, err := ws.ReadMessage(); err != nil || len(b) != 100 && i > 0 {
			t.Fatal(i, len(b), err)
		}
	}
}

// TestOrder_UnderConcurrency: frames of one sender stay in order and whole,
// whoever writes them, also through backlogs.
func TestOrder_UnderConcurrency(t *testing.T) {
	const senders, each = 8, 2000
	s := newSite(t, Config{ParkAfter: 10 * time.Millisecond, MaxQueue: 1 << 30}, nil)
	ws, r := s.dial(nil)
	if err := r.sock.(*net.TCPConn).SetWriteBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range senders {
		wg.Go(func() {
			pad := bytes.Repeat([]byte("."), 50*g)
			for i := range each {
				msg := fmt.Appendf(nil, "%d %d", g, i)
				if i%3 == 0 {
					r.QueueFrame(MustArrive, NewFrame(false, msg, []byte(" "), pad))
				} else {
					r.Queue(MustArrive, false, msg, []byte(" "), pad)
				}
				if i%5 != 0 {
					r.Flush()
				}
			}
			r.Flush()
		})
	}
	var next [senders]int
	for n := range senders * each {
		_, b, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var g, i int
		if _, err := fmt.Sscanf(string(b), "%d %d", &g, &i); err != nil || i != next[g] {
			t.Fatalf("message %d: %.20q, want number %d of sender %d", n, b, next[g], g)
		}
		next[g]++
		if n%1000 == 0 {
			time.Sleep(5 * time.Millisecond) // lets a backlog grow
		}
	}
	wg.Wait()
	eventually(t, "drained", func() bool { return r.Pending() == 0 })
}

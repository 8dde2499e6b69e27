//go:build !race

package socketio

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// connectedPair returns two sockets that are connected over WebSocket, and
// their clients, which read everything and keep nothing.
func connectedPair(tb testing.TB, cfg Config) [2]*Socket {
	tb.Helper()
	srv, err := NewServer(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	web := httptest.NewServer(srv)
	sockets := make(chan *Socket, 2)
	srv.Of("/").OnConnection(func(s *Socket) { sockets <- s })
	var pair [2]*Socket
	var done [2]chan struct{}
	for i := range pair {
		c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/?EIO=4&transport=websocket", nil)
		if err != nil {
			tb.Fatal(err)
		}
		_ = c.WriteMessage(websocket.TextMessage, []byte("40"))
		done[i] = make(chan struct{})
		go func() {
			defer close(done[i])
			_, _ = io.Copy(io.Discard, rawOf(c))
		}()
		pair[i] = <-sockets
	}
	tb.Cleanup(func() {
		srv.Close()
		<-done[0]
		<-done[1]
		web.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return pair
}

func rawOf(c *websocket.Conn) net.Conn { return c.NetConn() }

const typing = `42["typing",{"senderId":"0123456789abcdef","receiverId":"fedcba9876543210"}]`

// relay is what an application on the raw path does with one packet.
func relay(pair [2]*Socket) (handle func(), flush func()) {
	pair[0].nsp.Hook(Hooks{Packet: func(_ *Socket, e *Event) bool {
		return pair[1].EmitRaw(Droppable, "userTyping", e.Args)
	}})
	packet := []byte(typing[1:])
	c := pair[0].client.Load()
	return func() { c.OnMessage(c.es, false, packet) }, pair[1].Flush
}

// A message that is forwarded costs no allocation in this layer. (The race
// detector makes pools forget.)
func TestRelay_AllocatesNothing(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain":    {},
		"recovery": {Recovery: Recovery{Window: time.Minute}},
	} {
		handle, flush := relay(connectedPair(t, cfg))
		n := testing.AllocsPerRun(2000, func() { handle(); flush() })
		if n >= 1 {
			t.Errorf("%s: %v allocations per message", name, n)
		}
	}
}

func BenchmarkRelay(b *testing.B) {
	handle, flush := relay(connectedPair(b, Config{Recovery: Recovery{Window: time.Minute}, Engine: engine.Config{MaxQueue: 1 << 30, DropAbove: 1 << 29}}))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		handle()
		if i%16 == 0 {
			flush()
		}
	}
}

func BenchmarkParse(b *testing.B) {
	packet := []byte(typing[1:])
	var h header
	b.SetBytes(int64(len(packet)))
	for b.Loop() {
		if parse(&h, packet, 10) != nil {
			b.Fatal("parse")
		}
		if _, _, err := splitEvent(h.payload); err != nil {
			b.Fatal(err)
		}
	}
}

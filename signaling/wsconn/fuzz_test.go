package wsconn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// memConn is a network connection whose peer has said everything already.
type memConn struct {
	in    *bytes.Reader
	piece int // bytes per Read
	out   bytes.Buffer
}

func (m *memConn) Read(p []byte) (int, error) {
	return m.in.Read(p[:min(len(p), m.piece)])
}
func (m *memConn) Write(p []byte) (int, error)      { return m.out.Write(p) }
func (m *memConn) Close() error                     { return nil }
func (m *memConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (m *memConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (m *memConn) SetDeadline(time.Time) error      { return nil }
func (m *memConn) SetReadDeadline(time.Time) error  { return nil }
func (m *memConn) SetWriteDeadline(time.Time) error { return nil }

// response is an http.ResponseWriter that gives a memConn away.
type response struct {
	http.ResponseWriter
	nc *memConn
}

func (r response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	empty := bufio.NewReader(bytes.NewReader(nil))
	return r.nc, bufio.NewReadWriter(empty, bufio.NewWriter(r.nc)), nil
}

func upgradeRequest() *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Extensions": {"permessage-deflate"},
	}
	return r
}

const fuzzLimit = 5000

// reference reads the same bytes with gorilla alone.
func reference(t *testing.T, data []byte, zip bool) (messages []string, closed *websocket.CloseError) {
	up := websocket.Upgrader{EnableCompression: zip}
	ws, err := up.Upgrade(response{nc: &memConn{in: bytes.NewReader(data), piece: 1 << 20}}, upgradeRequest(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(fuzzLimit)
	for {
		kind, r, err := ws.NextReader()
		var b []byte
		if err == nil {
			b, err = io.ReadAll(io.LimitReader(r, fuzzLimit+1))
		}
		if err != nil {
			errors.As(err, &closed)
			return messages, closed
		}
		if len(b) > fuzzLimit || kind == websocket.TextMessage && !utf8.Valid(b) {
			return messages, nil
		}
		messages = append(messages, string(b))
	}
}

// FuzzFrames: whatever a peer sends, in whatever pieces, the messages and the
// close code are those that gorilla alone finds, and the connection ends once.
func FuzzFrames(f *testing.F) {
	for i, seed := range [][]byte{
		masked(0x81, "hello"), masked(0x82, "\xff"), masked(0x89, "ping"), masked(0x8a, ""), masked(0x88, "\x03\xe8bye"), masked(0x88, ""),
		slices.Concat(masked(0x01, "a"), masked(0x89, "p"), masked(0x80, "b"), masked(0x81, "c"), masked(0x88, "\x03\xe9")),
		masked(0x82, string(make([]byte, 4990))), masked(0x82, string(make([]byte, 6000))), masked(0x82, string(make([]byte, 70_000))),
		masked(0xc1, "\xca\x48\xcd\xc9\xc9\x07\x00"), masked(0x81, "\xff"), {0x81, 0x05, 'h'}, {0x82, 0xff, 0xff}, masked(0x88, "\x03\xee"),
	} {
		f.Add(seed, uint16(i*3+1), i%2 == 0)
	}
	var servers [2]*Server
	for i := range servers {
		s, err := NewServer(Config{MaxMessage: fuzzLimit, Compression: i == 1, ReadBuffer: 1024, ParkAfter: -1, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(s.Close)
		servers[i] = s
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint16, zip bool) {
		s := servers[0]
		if zip {
			s = servers[1]
		}
		nc := &memConn{in: bytes.NewReader(data), piece: int(piece) + 1}
		c, err := s.Upgrade(response{nc: nc}, upgradeRequest(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r := &recorder{closed: make(chan Cause, 2)}
		c.Start(r)
		cause := await(t, r.closed)
		want, closed := reference(t, data, zip)
		if !slices.Equal(r.messages, want) {
			t.Fatalf("messages %q, want %q", r.messages, want)
		}
		if closed != nil && closed.Code != abnormal && (cause.Code != closed.Code || cause.Reason != closed.Text || cause.Local) {
			t.Fatalf("cause %+v, want %+v", cause, closed)
		}
		if (closed == nil || closed.Code == abnormal) && !cause.Local && cause.Code != abnormal {
			t.Fatalf("cause %+v out of nothing", cause)
		}
		if len(r.closed) != 0 {
			t.Fatal("OnClose twice")
		}
	})
}

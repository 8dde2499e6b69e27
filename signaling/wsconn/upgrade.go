package wsconn

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// Upgrade answers a WebSocket handshake. The answer is written with the first
// Flush, or by Start, together with what was queued until then. On failure the
// HTTP error has been written. Every Conn must be started, closed or aborted.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, header http.Header) (*Conn, error) {
	if s.isClosed() {
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return nil, ErrServerClosed
	}
	c := &Conn{srv: s, fd: -1}
	h := &hijacker{ResponseWriter: w, c: c}
	ws, err := s.upgrader.Upgrade(h, r, header)
	if err == nil && h.early {
		err = ErrEarlyData
	}
	if err != nil {
		c.detach()
		if c.sock != nil {
			_ = c.sock.Close()
		}
		return nil, err
	}
	ws.SetReadLimit(s.cfg.MaxMessage)
	ws.SetPingHandler(c.onPing)
	ws.SetPongHandler(c.onPong)
	ws.SetCloseHandler(ignoreClose)
	c.ws = ws
	c.detach()
	c.lastRead.Store(s.now())
	if !s.add(c) {
		_ = c.sock.Close()
		return nil, ErrServerClosed
	}
	return c, nil
}

// ignoreClose: finish answers a close frame, gorilla need not.
func ignoreClose(int, string) error { return nil }

// hijacker hands gorilla the connection in our wrapping.
type hijacker struct {
	http.ResponseWriter
	c     *Conn
	early bool // the client did not wait for the answer
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c := h.c
	c.nc, c.sock = nc, nc
	if t, ok := nc.(*tls.Conn); ok {
		c.sock = t.NetConn()
	} else if sc, ok := nc.(syscall.Conn); ok && rawIO {
		if c.raw, err = sc.SyscallConn(); err != nil {
			c.raw = nil
		}
	}
	h.early = brw.Reader.Buffered() > 0
	if brw.Reader.Size() == c.srv.pools.size {
		c.srv.pools.putReader(brw.Reader) // net/http leaves it to us: one less to make
	}
	c.attach()
	return (*wire)(c), bufio.NewReadWriter(&c.br, brw.Writer), nil
}

// wire is a Conn as gorilla sees it: the net.Conn below the frames. It reads
// for bufio, and gathers the answer to the handshake, which is the only thing
// that gorilla ever writes here: control frames are made by Conn itself.
type wire Conn

func (w *wire) Write(p []byte) (int, error) {
	c := (*Conn)(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws != nil {
		return len(p), nil
	}
	c.out = c.srv.pools.buffer()
	c.out.b = append(c.out.b, p...)
	c.deflate = bytes.Contains(p, []byte("\r\nSec-WebSocket-Extensions: permessage-deflate"))
	return len(p), nil
}

func (w *wire) Close() error                     { return w.sock.Close() }
func (w *wire) LocalAddr() net.Addr              { return w.nc.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr             { return w.nc.RemoteAddr() }
func (w *wire) SetDeadline(t time.Time) error    { return w.nc.SetDeadline(t) }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// noBuffers keeps gorilla from having write buffers.
type noBuffers struct{}

func (noBuffers) Get() any { return nil }
func (noBuffers) Put(any)  {}

func newUpgrader(cfg *Config) websocket.Upgrader {
	up := websocket.Upgrader{
		WriteBufferPool:   noBuffers{},
		EnableCompression: cfg.Compression,
		CheckOrigin:       cfg.CheckOrigin,
	}
	if len(cfg.Subprotocols) > 0 {
		up.Subprotocols = cfg.Subprotocols
	}
	if up.CheckOrigin == nil {
		up.CheckOrigin = func(*http.Request) bool { return true }
	}
	return up
}

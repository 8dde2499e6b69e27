package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// trunkEnd is a Peers that gives back what comes over a trunk.
func trunkEnd(t *testing.T, change func(*PeersConfig)) (p *Peers, addr string) {
	t.Helper()
	cfg := PeersConfig{Key: peerKey, Find: func(string) (string, bool) { return "", false }, Self: func() string { return "a" }, Logger: quiet(),
		Trunk: func(c net.Conn) { _, _ = io.Copy(c, c) }}
	if change != nil {
		change(&cfg)
	}
	p, l := newPeers(t, cfg)
	servePeers(t, p, l, http.NotFoundHandler())
	return p, l.Addr().String()
}

func TestP9_Trunk(t *testing.T) {
	a, _ := trunkEnd(t, nil)
	b, addr := trunkEnd(t, nil)
	conn, err := a.DialTrunk(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := bytes.Repeat([]byte("0123456789"), 100_000)
	go func() { _, _ = conn.Write(sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes did not come back: %v", len(sent), err)
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(got); !errors.Is(err, io.EOF) && !isReset(err) {
		t.Errorf("a closed node's trunk: %v, want its end", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

func TestP9_TrunkOfStrangers(t *testing.T) {
	ours, addr := trunkEnd(t, nil)
	_, none := trunkEnd(t, func(c *PeersConfig) { c.Trunk = nil })
	stranger, _ := trunkEnd(t, func(c *PeersConfig) { c.Key = []byte("another key, as long as ours") })
	late, _ := trunkEnd(t, func(c *PeersConfig) { c.Now = func() time.Time { return time.Now().Add(-2 * time.Minute) } })
	for name, c := range map[string]struct {
		from *Peers
		to   string
		is   error
	}{
		"another key":    {stranger, addr, errPeerRefused},
		"another time":   {late, addr, errPeerRefused},
		"takes none":     {ours, none, nil},
		"nobody listens": {ours, "127.0.0.1:1", nil},
	} {
		conn, err := c.from.DialTrunk(t.Context(), c.to)
		if err == nil {
			conn.Close()
			t.Errorf("%s: a trunk was laid", name)
		} else if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", name, err, c.is)
		}
	}
	// A request that was read on its way opens no trunk: not a second time where it
	// was for, and not at another node.
	taken := make(chan struct{}, 1)
	_, other := trunkEnd(t, func(c *PeersConfig) { c.Trunk = func(net.Conn) { taken <- struct{}{} } })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+other+trunkPath, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", trunkProtocol)
	claim := ours.run.next(time.Now())
	claim.signature = claim.sign(peerKey, r.Method, r.URL.RequestURI(), nil)
	claim.write(r.Header)
	for i, want := range []int{http.StatusSwitchingProtocols, http.StatusForbidden} {
		conn, err := net.Dial("tcp", other)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Write(conn); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("request %d: %s, want %d", i+1, res.Status, want)
		}
		if _, err := conn.Write(make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, in); err != nil && !isReset(err) {
			t.Errorf("request %d: %v, want the end", i+1, err)
		}
		conn.Close()
	}
	select {
	case <-taken:
		t.Error("a trunk of somebody without the key was taken")
	default:
	}
}

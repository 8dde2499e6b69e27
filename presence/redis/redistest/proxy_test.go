package redistest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
)

// An answer is lost once, whatever pieces the request comes in, and what was asked
// for is done before.
func TestProxyLosesAnAnswer(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.StartProxy(t, s.Addr)
	ask := func(pieces ...string) (string, error) {
		d := net.Dialer{Timeout: time.Second}
		c, err := d.DialContext(context.Background(), "tcp", p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		buf := make([]byte, 64)
		n := 0
		for _, piece := range pieces {
			if _, err := io.WriteString(c, piece); err != nil {
				t.Fatal(err)
			}
			if n, err = c.Read(buf); err != nil {
				return "", err
			}
		}
		return string(buf[:n]), nil
	}
	seen := make(chan string, 1)
	p.LoseAnswer("SET one 2", func() {
		a, _ := s.Command("GET", "one")
		seen <- a
	})
	if a, err := ask("PING\r\nSET one", " 1\r\n"); err != nil || a != "+OK\r\n" {
		t.Fatalf("another request: %q, %v", a, err)
	}
	if a, err := ask("PING\r\nSET one", " 2\r\n"); !errors.Is(err, io.EOF) {
		t.Fatalf("%q, %v", a, err)
	}
	if a := <-seen; a != "2" {
		t.Fatalf("it was %q when the answer was lost", a)
	}
	if a, err := ask("SET one 2\r\n"); err != nil || a != "+OK\r\n" {
		t.Fatalf("the next one: %q, %v", a, err)
	}
}

package jsonws

import (
	"encoding/base64"
	"fmt"
	"sync"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/wsconn"
)

// A client comes back in the moment in which something else happens to its session.

// TestResume_AtTheEndOfTheWindow: the client has its session again, or starts anew.
func TestResume_AtTheEndOfTheWindow(t *testing.T) {
	r := newRig(t, nil)
	for i := range 100 { // so many, since none of them reads what it is sent
		user := fmt.Sprint("ann", i)
		l := r.srv.linkOf(r.join(user).hello.SID)
		conn := l.socket()
		for range 200 {
			l.mu.Lock()
			l.conn, l.gone, l.token = nil, false, freshSecret() // away
			token := base64.RawURLEncoding.EncodeToString(l.token[:])
			l.mu.Unlock()
			begin := make(chan struct{})
			var both sync.WaitGroup
			var resumed bool
			both.Go(func() { <-begin; l.Expire() })
			both.Go(func() { <-begin; _, resumed = l.takeOver(conn, token, 0) })
			close(begin)
			both.Wait()
			if resumed == l.gone {
				t.Fatalf("resumed %t, and the link is over %t", resumed, l.gone)
			}
		}
	}
}

// TestResume_BesideTheOldSocket: what it still brings is handled while the new one
// is read from.
func TestResume_BesideTheOldSocket(t *testing.T) {
	r := newRig(t, nil)
	ann := r.join("ann")
	l := r.srv.linkOf(ann.hello.SID)
	old := l.socket()
	back := r.dial(resumeQuery(ann, "ann", ann.seq), nil)
	back.greeted()
	begin := make(chan struct{})
	var both sync.WaitGroup
	for _, conn := range []*wsconn.Conn{old, l.socket()} {
		both.Go(func() {
			<-begin
			for range 2000 {
				l.OnMessage(conn, false, []byte(`x`))
				l.OnMessage(conn, false, []byte(`{"event":"seq"}`))
			}
		})
	}
	close(begin)
	both.Wait()
	back.sent()
}

package signaling

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
)

func typingTo(user string) string { return fmt.Sprintf(`{"senderId":"sid","receiverId":%q}`, user) }

func TestM4_TypingIsRelayed(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1", "B2", "c1")
		a := cs[0]
		a.emit("typing", typingTo("b"))
		cs[1].gets(`userTyping "a"`)
		cs[2].gets(`userTyping "a"`)
		a.emit("stopTyping", typingTo("b"))
		cs[1].gets(`userStopTyping "a"`)
		cs[2].gets(`userStopTyping "a"`)
		cs[3].gets()
		a.gets()
		w.pass(10 * time.Second)
		cs[1].gets()
		a.emit("typing", typingTo("nobody"))
		a.emit("typing", `{"receiverId":17}`)
		a.emit("typing")
		a.gets()
	})
}

func TestM4_ExpiresByItself(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "b1")
		a, b := cs[0], cs[1]
		a.emit("typing", typingTo("b"))
		b.gets(`userTyping "a"`)
		w.pass(4 * time.Second)
		a.emit("typing", typingTo("b")) // prolongs it
		b.gets(`userTyping "a"`)
		w.pass(5900 * time.Millisecond)
		b.gets()
		w.pass(200 * time.Millisecond)
		b.gets(`userStopTyping "a"`)
		w.pass(20 * time.Second)
		b.gets()
	})
}

func TestM4_StopsWhenTheTypistGoes(t *testing.T) {
	for name, end := range map[string]func(*Session){
		"vanished": (*Session).Away,
		"closed":   func(s *Session) { s.Closed(true) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(w *world) {
				cs := w.all("a1", "b1", "c1")
				cs[0].emit("typing", typingTo("b"))
				cs[0].emit("typing", typingTo("c"))
				cs[1].take()
				cs[2].take()
				end(cs[0].sess)
				cs[1].gets(`userStopTyping "a"`)
				cs[2].gets(`userStopTyping "a"`)
				w.pass(10 * time.Second)
				cs[1].gets()
			})
		})
	}
}

// TestM4_StopsWhenTheTypistsNodeIsGone: nobody is left to say that it is over.
func TestM4_StopsWhenTheTypistsNodeIsGone(t *testing.T) {
	var gone atomic.Bool
	playOn(t, 3, func(s *setup) {
		s.wrap = func(p presence.Store) presence.Store { return &cutStore{p, &gone, &gone} }
	}, func(w *world) {
		a, b, c := w.joinOn(0, "a1"), w.joinOn(1, "b1"), w.joinOn(2, "c1")
		b.take()
		c.take()
		a.emit("typing", typingTo("b"))
		a.emit("typing", typingTo("c"))
		a.emit("stopTyping", typingTo("c"))
		b.gets(`userTyping "a"`)
		c.gets(`userTyping "a"`, `userStopTyping "a"`)
		w.pass(4 * time.Second)
		a.emit("typing", typingTo("b")) // prolongs it
		b.gets(`userTyping "a"`)
		gone.Store(true)
		w.pass(7 * time.Second)
		b.gets()
		w.pass(time.Second + 100*time.Millisecond)
		b.gets(`userStopTyping "a"`)
		w.pass(20 * time.Second)
		b.gets()
		c.gets()
		for _, sw := range w.nodes {
			if n := len(sw.far.list); n != 0 {
				t.Errorf("%d indicators are kept", n)
			}
		}
	})
}

func TestM4_OverTheLimitIsDroppedSilently(t *testing.T) {
	play(t, func(s *setup) { s.TypingRate, s.TypingBurst = 10, 4 }, func(w *world) {
		cs := w.all("A1", "b1")
		for range 20 {
			cs[0].emit("typing", typingTo("b"))
		}
		if got := cs[1].take(); len(got) != 4 {
			t.Errorf("%d typing events arrived, want the burst of 4", len(got))
		}
		cs[0].gets()
		// It does not use up what other events may need.
		eq(t, "ping", cs[0].ask("ping"), fmt.Sprintf(`{"serverTime":%d}`, t0))
		w.pass(time.Second)
		cs[1].take()
		cs[0].emit("typing", typingTo("b"))
		cs[1].gets(`userTyping "a"`)
	})
}

func TestM4_ManyPeersAtOnceAreBounded(t *testing.T) {
	play(t, nil, func(w *world) {
		b := w.all("b1")[0]
		a := w.all("a1")[0]
		a.emit("typing", typingTo("b"))
		b.take()
		for i := range maxTypists {
			a.emit("typing", typingTo(fmt.Sprint("u", i)))
		}
		b.gets(`userStopTyping "a"`)
		if n := len(a.sess.typing); n != maxTypists {
			t.Errorf("%d indicators are kept, want %d", n, maxTypists)
		}
	})
}

func TestM2_ReceiptsReachTheAuthor(t *testing.T) {
	play(t, nil, func(w *world) {
		cs := w.all("a1", "A2", "b1", "c1")
		b := cs[2]
		b.emit("messageDelivered", `{"messageId":"m1","senderId":"a"}`)
		b.emit("messageSeen", `{"messageId":"m1","senderId":"a"}`)
		b.emit("allmessageSeen", `{"receiverId":"b","senderId":"a"}`)
		for _, c := range cs[:2] {
			c.gets(`messageStatusUpdated {"messageId":"m1","status":"delivered"}`,
				`messageStatusUpdated {"messageId":"m1","status":"seen"}`,
				`allmessageStatusUpdated {"senderId":"a","receiverId":"b","status":"seen"}`)
		}
		b.gets()
		cs[3].gets()
		for _, bad := range []string{`{}`, `{"messageId":"m"}`, `{"messageId":7,"senderId":"a"}`, `[]`, `"m"`} {
			b.emit("messageSeen", bad)
		}
		cs[0].gets()
	})
}

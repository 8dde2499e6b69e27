package signaling

import (
	"slices"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Users and ids of sessions are rooms; whoever is in several hears it once.
func TestM9_RoomsAreUsersAndSessions(t *testing.T) {
	playAlone(t, nil, func(w *world) {
		w.sw.IndexSessions()
		a1, a2, b := w.join("a/1"), w.join("a/2"), w.join("b/1")
		w.settle()
		everybody := []*client{a1, a2, b}
		for _, c := range everybody {
			c.takeAll()
		}
		for _, c := range []struct {
			name string
			to   Audience
			want []*client
		}{
			{"all", Audience{}, everybody},
			{"a user", Audience{Rooms: []string{"a"}}, []*client{a1, a2}},
			{"a session", Audience{Rooms: []string{a1.sess.ID()}}, []*client{a1}},
			{"several, some twice", Audience{Rooms: []string{"a", a1.sess.ID(), "b", "b", "nobody"}}, everybody},
			{"all but a user", Audience{Except: []string{"a"}}, []*client{b}},
			{"a user but one session", Audience{Rooms: []string{"a"}, Except: []string{a2.sess.ID(), "nobody"}}, []*client{a1}},
			{"a user but that user", Audience{Rooms: []string{"a"}, Except: []string{"a"}}, nil},
			{"nobody", Audience{Rooms: []string{"nobody"}}, nil},
		} {
			n := w.sw.EmitToRooms(c.to, &wire.Event{Name: "x", Args: []byte(`1`), Shared: true})
			if n != len(c.want) {
				t.Errorf("%s: %d were told, want %d", c.name, n, len(c.want))
			}
			for i, one := range everybody {
				want := []string{}
				if slices.Contains(c.want, one) {
					want = []string{`x 1`}
				}
				if got := one.take(); len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
					t.Errorf("%s: device %d got %q, want %q", c.name, i, got, want)
				}
			}
		}
		for room, want := range map[string]bool{"a": true, a1.sess.ID(): true, "nobody": false, "": false} {
			if w.sw.HasRoom(room) != want {
				t.Errorf("HasRoom(%q) is not %t", room, want)
			}
		}
		if n := w.sw.EndRooms(Audience{Rooms: []string{"a"}, Except: []string{a2.sess.ID()}}); n != 1 {
			t.Errorf("%d sessions were ended", n)
		}
		if got := a1.closes(); len(got) != 1 || got[0] != wire.CloseDisconnected {
			t.Errorf("the device was closed with %v", got)
		}
		if w.sw.HasRoom(a1.sess.ID()) || !w.sw.HasRoom(a2.sess.ID()) {
			t.Error("the session that ended is still a room, or the other is none")
		}
		if n := w.sw.EndRooms(Audience{}); n != 2 {
			t.Errorf("%d sessions were ended of the rest", n)
		}
	})
}

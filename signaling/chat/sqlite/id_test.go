package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func TestID_IsReadBack(t *testing.T) {
	mine := tag{1, 2, 3, 4}
	for _, n := range []int64{1, 255, 256, 1<<32 + 5, 1<<40 - 1} {
		name := mine.name(n, 1_700_000_000_123)
		if got := mine.place(name); got != n || name[:8] != "6553f100" {
			t.Errorf("%d became %s, %d", n, name, got)
		}
		if got := (tag{4, 3, 2, 1}).place(name); got != 0 {
			t.Errorf("another file's %s is taken for the message at %d", name, got)
		}
	}
}

// A name of another second is none, though its place is.
func TestID_OfAnotherTime(t *testing.T) {
	s := openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	m := send(t, s, "x")
	other := s.tag.name(s.tag.place(m.ID), m.Created.Add(time.Second).UnixMilli())
	_, err := s.Get(t.Context(), other)
	refused(t, err, chat.ErrNotFound)
	_, _, err = s.Mark(t.Context(), "bob", other, chat.Seen)
	refused(t, err, chat.ErrNotFound)
}

// What was stored while the clock was far ahead does not keep what came after it
// was put right from expiring.
func TestM8_ExpireAfterTheClockWasPutBack(t *testing.T) {
	s := openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	send(t, s, "before")
	for range 3 {
		err := s.do(t.Context(), func(b *batch) error {
			b.now += 10 * farWrong.Milliseconds()
			_, _, err := b.add(&chat.Message{Sender: "ann", Receiver: "bob", Text: "ahead"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	send(t, s, "after")
	if n, err := s.Expire(t.Context(), time.Now().Add(time.Minute)); err != nil || n != 2 {
		t.Errorf("%d expired, %v", n, err)
	}
	list, err := s.History(t.Context(), "ann", "bob", "", 10)
	if err != nil || len(list) != 3 {
		t.Fatalf("%d messages are left, %v", len(list), err)
	}
	for _, m := range list {
		if m.Text != "ahead" {
			t.Errorf("%q is left", m.Text)
		}
	}
}

// What the writer keeps of messages is bounded, and what it has dropped is read
// again.
func TestKnown_IsBounded(t *testing.T) {
	s := openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	first := send(t, s, "first")
	fill(t, s, 12_000, "ann", "bob")
	err := s.do(t.Context(), func(b *batch) error {
		k := &b.w.known
		if k.bytes > maxRowBytes || len(k.rows) != len(k.order) || k.rows[s.tag.place(first.ID)] != nil {
			t.Errorf("%d messages of %d bytes are kept", len(k.rows), k.bytes)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m, rose, err := s.Mark(t.Context(), "bob", first.ID, chat.Seen)
	if err != nil || !rose || m.Text != "first" {
		t.Errorf("%+v %v %v", m, rose, err)
	}
}

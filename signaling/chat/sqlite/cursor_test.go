package sqlite

import (
	"errors"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

func TestCursor_IsReadBack(t *testing.T) {
	s := &Store{tag: tag{1, 2, 3, 4}}
	for _, places := range [][]int64{{0, 0}, {1, 2}, {1 << 40, 1 << 62}} {
		list, text, err := s.parseCursor(s.cursor(callCursor, "a call's id", places...), callCursor, 2)
		if err != nil || text != "a call's id" || list[0] != places[0] || list[1] != places[1] {
			t.Errorf("%v: %v %q %v", places, list, text, err)
		}
	}
	mine := s.cursor(journalCursor, "", 1, 2)
	if _, _, err := s.parseCursor(mine, callCursor, 2); !errors.Is(err, chat.ErrBadCursor) {
		t.Errorf("of another kind: %v", err)
	}
	other := &Store{tag: tag{4, 3, 2, 1}}
	if _, _, err := other.parseCursor(mine, journalCursor, 2); !errors.Is(err, chat.ErrBadCursor) {
		t.Errorf("of another file: %v", err)
	}
}

func FuzzCursor(f *testing.F) {
	s := &Store{}
	f.Add(s.cursor(journalCursor, "", 1, 2))
	f.Add(s.cursor(journalCursor, "text", 1, 1<<62))
	f.Add("x")
	f.Fuzz(func(t *testing.T, cursor string) {
		list, text, err := s.parseCursor(cursor, journalCursor, 2)
		if err != nil {
			if !errors.Is(err, chat.ErrBadCursor) {
				t.Fatal(err)
			}
			return
		}
		if len(list) != 2 || list[0] < 0 || list[1] < 0 {
			t.Fatalf("%v", list)
		}
		again, rest, err := s.parseCursor(s.cursor(journalCursor, text, list...), journalCursor, 2)
		if err != nil || rest != text || again[0] != list[0] || again[1] != list[1] {
			t.Fatalf("%v %q became %v %q, %v", list, text, again, rest, err)
		}
	})
}

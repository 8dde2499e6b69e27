package chat

import (
	"errors"
	"slices"
	"testing"
)

func TestCursors_AreReadBack(t *testing.T) {
	c := Cursors{1, 2, 3, 4}
	for _, places := range [][]int64{{0, 0}, {1, 2}, {1 << 40, 1<<63 - 1}, {-1, -1 << 63}} {
		list, text, err := c.Parse(c.Pack(CallCursor, "a call's id", places...), CallCursor, 2)
		if err != nil || text != "a call's id" || !slices.Equal(list, places) {
			t.Errorf("%v: %v %q %v", places, list, text, err)
		}
	}
	mine := c.Pack(JournalCursor, "", 1, 2)
	if _, _, err := c.Parse(mine, CallCursor, 2); !errors.Is(err, ErrBadCursor) {
		t.Errorf("of another kind: %v", err)
	}
	if _, _, err := (Cursors{4, 3, 2, 1}).Parse(mine, JournalCursor, 2); !errors.Is(err, ErrBadCursor) {
		t.Errorf("of another file: %v", err)
	}
	if c != (Cursors{1, 2, 3, 4}) {
		t.Errorf("the tag is %v now", c)
	}
}

func FuzzCursor(f *testing.F) {
	c := Cursors{}
	f.Add(c.Pack(JournalCursor, "", 1, 2))
	f.Add(c.Pack(JournalCursor, "text", 1, 1<<62))
	f.Add("x")
	f.Fuzz(func(t *testing.T, cursor string) {
		list, text, err := c.Parse(cursor, JournalCursor, 2)
		if err != nil {
			if !errors.Is(err, ErrBadCursor) {
				t.Fatal(err)
			}
			return
		}
		again, rest, err := c.Parse(c.Pack(JournalCursor, text, list...), JournalCursor, 2)
		if err != nil || rest != text || len(list) != 2 || !slices.Equal(again, list) {
			t.Fatalf("%v %q became %v %q, %v", list, text, again, rest, err)
		}
	})
}

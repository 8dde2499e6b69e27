package chat

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestM6_Check(t *testing.T) {
	c := DefaultConfig()
	long := strings.Repeat("a", c.MaxText)
	for _, test := range []struct {
		name string
		m    Message
		want error
	}{
		{"text", Message{Text: "hi"}, nil},
		{"media", Message{Media: "https://cdn.example/a.png?x=1"}, nil},
		{"both", Message{Text: "look", Media: "http://cdn.example/a.png"}, nil},
		{"longest text", Message{Text: long}, nil},
		{"nothing", Message{}, ErrEmpty},
		{"spaces", Message{Text: " \n\t"}, ErrEmpty},
		{"spaces with media", Message{Text: " ", Media: "https://a.example/"}, nil},
		{"too long", Message{Text: long + "a"}, ErrTextTooLong},
		{"not UTF-8", Message{Text: "a\xff"}, ErrText},
		{"script", Message{Media: "javascript:alert(1)"}, ErrMedia},
		{"data", Message{Media: "data:image/png;base64,AAAA"}, ErrMedia},
		{"file", Message{Media: "file:///etc/passwd"}, ErrMedia},
		{"relative", Message{Media: "/uploads/a.png"}, ErrMedia},
		{"no scheme", Message{Media: "//cdn.example/a.png"}, ErrMedia},
		{"no host", Message{Media: "https:///a.png"}, ErrMedia},
		{"port only", Message{Media: "https://:443/a.png"}, ErrMedia},
		{"upper-case scheme", Message{Media: "HTTPS://cdn.example/a.png"}, nil},
		{"space in it", Message{Media: "https://cdn.example/a b"}, ErrMedia},
		{"line break in it", Message{Media: "https://cdn.example/a\nb"}, ErrMedia},
		{"longest URL", Message{Media: "https://a.example/" + strings.Repeat("x", MaxMedia-18)}, nil},
		{"URL too long", Message{Media: "https://a.example/" + strings.Repeat("x", MaxMedia-17)}, ErrMedia},
		{"client id", Message{Text: "a", ClientID: strings.Repeat("x", MaxClientID)}, nil},
		{"client id too long", Message{Text: "a", ClientID: strings.Repeat("x", MaxClientID+1)}, ErrClientID},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.m.Sender, test.m.Receiver = "ann", "bob"
			if err := c.Check(&test.m); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
	if err := c.Check(&Message{Sender: "ann", Text: "hi"}); !errors.Is(err, ErrParties) {
		t.Errorf("without a receiver: %v", err)
	}
}

func TestM6_ToggleReaction(t *testing.T) {
	m := &Message{Sender: "ann", Receiver: "bob"}
	for i, step := range []struct {
		user, emoji string
		want        []Reaction
	}{
		{"bob", "👍", []Reaction{{"bob", "👍"}}},
		{"ann", "❤️", []Reaction{{"bob", "👍"}, {"ann", "❤️"}}},
		{"bob", "😂", []Reaction{{"ann", "❤️"}, {"bob", "😂"}}},
		{"ann", "❤️", []Reaction{{"bob", "😂"}}},
		{"bob", "😂", []Reaction{}},
	} {
		changed, err := Toggle(step.user, step.emoji)(m)
		if err != nil || !changed {
			t.Fatalf("step %d: %v %v", i, changed, err)
		}
		if len(m.Reactions) != len(step.want) || len(step.want) > 0 && !reflect.DeepEqual(m.Reactions, step.want) {
			t.Fatalf("step %d: %v, want %v", i, m.Reactions, step.want)
		}
	}
	for _, test := range []struct {
		user, emoji string
		want        error
	}{
		{"cat", "👍", ErrForbidden},
		{"bob", "", ErrEmoji},
		{"bob", "a b", ErrEmoji},
		{"bob", "\x00", ErrEmoji},
		{"bob", "\xff", ErrEmoji},
		{"bob", strings.Repeat("x", MaxEmoji+1), ErrEmoji},
	} {
		if changed, err := Toggle(test.user, test.emoji)(m); changed || !errors.Is(err, test.want) {
			t.Errorf("%s %q: %v %v, want %v", test.user, test.emoji, changed, err, test.want)
		}
	}
	hidden := &Message{Sender: "ann", Receiver: "bob", HiddenFor: []string{"bob"}}
	if _, err := Toggle("bob", "👍")(hidden); !errors.Is(err, ErrNotFound) {
		t.Errorf("a message that bob deleted for himself: %v", err)
	}
	if _, err := Toggle("ann", "👍")(hidden); err != nil {
		t.Errorf("and ann, who still has it: %v", err)
	}
}

// What is asked for twice is done once.
func TestM6_React(t *testing.T) {
	m := &Message{Sender: "ann", Receiver: "bob"}
	for i, step := range []struct {
		emoji   string
		on      bool
		changed bool
		want    []Reaction
	}{
		{"👍", false, false, nil},
		{"👍", true, true, []Reaction{{"bob", "👍"}}},
		{"👍", true, false, []Reaction{{"bob", "👍"}}},
		{"😂", false, false, []Reaction{{"bob", "👍"}}},
		{"😂", true, true, []Reaction{{"bob", "😂"}}},
		{"😂", false, true, []Reaction{}},
		{"😂", false, false, []Reaction{}},
	} {
		changed, err := React("bob", step.emoji, step.on)(m)
		if err != nil || changed != step.changed || len(m.Reactions) != len(step.want) || len(step.want) > 0 && !reflect.DeepEqual(m.Reactions, step.want) {
			t.Fatalf("step %d: %v %v %v", i, changed, err, m.Reactions)
		}
	}
	if _, err := React("cat", "👍", true)(m); !errors.Is(err, ErrForbidden) {
		t.Error(err)
	}
}

// A clone is changed, never what readers share.
func TestToggle_LeavesTheOriginal(t *testing.T) {
	m := &Message{Sender: "ann", Receiver: "bob", Reactions: []Reaction{{"ann", "a"}, {"bob", "b"}}}
	c := m.Clone()
	if _, err := Toggle("ann", "c")(c); err != nil {
		t.Fatal(err)
	}
	if want := []Reaction{{"ann", "a"}, {"bob", "b"}}; !reflect.DeepEqual(m.Reactions, want) {
		t.Errorf("the original has %v", m.Reactions)
	}
}

func TestEditText(t *testing.T) {
	c := Config{MaxText: 8, MaxEdits: 2}
	now := time.Date(2026, 1, 2, 3, 4, 5, 6_700_000, time.UTC)
	m := &Message{Sender: "ann", Receiver: "bob", Text: "one"}
	edit := func(user, text string) (bool, error) { return c.EditText(user, text, now)(m) }
	for _, text := range []string{"two", "three", "four"} {
		if changed, err := edit("ann", text); err != nil || !changed {
			t.Fatal(changed, err)
		}
	}
	at := now.Truncate(time.Millisecond)
	if want := []Edit{{"two", at}, {"three", at}}; m.Text != "four" || !reflect.DeepEqual(m.Edits, want) {
		t.Errorf("%q, former texts %v, want %v", m.Text, m.Edits, want)
	}
	if changed, err := edit("ann", "four"); changed || err != nil {
		t.Errorf("the same text: %v %v", changed, err)
	}
	for _, test := range []struct {
		user, text string
		want       error
	}{
		{"bob", "mine", ErrNotAuthor},
		{"cat", "mine", ErrForbidden},
		{"ann", "", ErrEmpty},
		{"ann", "123456789", ErrTextTooLong},
		{"ann", "\xff", ErrText},
	} {
		if changed, err := edit(test.user, test.text); changed || !errors.Is(err, test.want) {
			t.Errorf("%s %q: %v %v, want %v", test.user, test.text, changed, err, test.want)
		}
	}
	m.Media = "https://a.example/x"
	if changed, err := edit("ann", ""); !changed || err != nil {
		t.Errorf("no text is needed beside media: %v %v", changed, err)
	}
}

func TestDelete(t *testing.T) {
	m := &Message{Sender: "ann", Receiver: "bob"}
	for user, want := range map[string]error{"ann": nil, "bob": ErrNotAuthor, "cat": ErrForbidden} {
		if err := MayDelete(user)(m); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", user, err, want)
		}
	}
	if changed, err := HideFor("bob")(m); !changed || err != nil || !m.HiddenFrom("bob") || m.HiddenFrom("ann") {
		t.Errorf("%v %v %v", changed, err, m.HiddenFor)
	}
	if changed, err := HideFor("bob")(m); changed || err != nil {
		t.Errorf("a second time: %v %v", changed, err)
	}
	if _, err := HideFor("cat")(m); !errors.Is(err, ErrForbidden) {
		t.Error(err)
	}
}

func TestQuote(t *testing.T) {
	long := strings.Repeat("ä", MaxQuote)
	m := &Message{ID: "1", Sender: "ann", Receiver: "bob", Text: long}
	for _, pair := range [][2]string{{"ann", "bob"}, {"bob", "ann"}} {
		r, err := Quote(m, pair[0], pair[1])
		if err != nil || r.MessageID != "1" || len(r.Text) > MaxQuote || !utf8.ValidString(r.Text) || !strings.HasSuffix(r.Text, "ä…") {
			t.Errorf("%v: %v %v", pair, r, err)
		}
	}
	m.HiddenFor = []string{"bob"}
	for _, pair := range [][2]string{{"ann", "cat"}, {"cat", "ann"}, {"cat", "dan"}, {"bob", "ann"}} {
		if _, err := Quote(m, pair[0], pair[1]); !errors.Is(err, ErrReply) {
			t.Errorf("%v: %v", pair, err)
		}
	}
}

// Every error has a code and a sentence that clients may see.
func TestErrors_HaveCodes(t *testing.T) {
	for err, want := range map[error]wire.Code{
		ErrNotFound: wire.CodeNotFound, ErrBadCursor: wire.CodeBadPayload, ErrUnavailable: wire.CodeUnavailable,
		ErrForbidden: wire.CodeForbidden, ErrNotAuthor: wire.CodeForbidden, ErrEmpty: wire.CodeBadPayload,
		ErrTextTooLong: wire.CodeTooLarge,
	} {
		if p, known := wire.ProblemOf(err); !known || p.Code != want || p.Message == "" {
			t.Errorf("%v: %v, want %v", err, p, want)
		}
	}
}

func TestConfig_Validate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []Config{{MaxText: 0}, {MaxText: 2 << 20}, {MaxText: 1, MaxEdits: -1}} {
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
}

func TestStatus_NamesAreReadBack(t *testing.T) {
	for _, s := range []Status{Sent, Delivered, Seen} {
		if ParseStatus(s.String()) != s {
			t.Error(s)
		}
	}
	if ParseStatus("whatever") != Sent || Status(9).String() != "seen" {
		t.Error("others")
	}
}

// Whatever passes for media, a browser asks a web server for.
func FuzzMedia(f *testing.F) {
	for _, s := range []string{"https://cdn.example/a.png?b#c", "javascript:alert(1)", "//a", "http://[::1]:80/", "https://a@b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, media string) {
		if media == "" || CheckMedia(media) != nil {
			return
		}
		lower := strings.ToLower(media)
		if len(media) > MaxMedia || !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
			t.Fatalf("%q passes", media)
		}
	})
}

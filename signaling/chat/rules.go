package chat

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What people may write, in bytes.
const (
	MaxMedia    = 2048
	MaxEmoji    = 64
	MaxClientID = 128
	// MaxQuote is how much of an answered message a reply carries.
	MaxQuote = 1024
)

// Config is what a site may choose about messages.
type Config struct {
	// MaxText is how long a text may be, in bytes.
	MaxText int
	// MaxEdits is how many former texts a message keeps: the newest.
	MaxEdits int
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config { return Config{MaxText: 16 << 10, MaxEdits: 20} }

// Validate reports every setting that makes no sense.
func (c Config) Validate() error {
	var errs []error
	if c.MaxText < 1 || c.MaxText > 1<<20 {
		errs = append(errs, fmt.Errorf("chat: the longest text, %d bytes, must be between 1 and 1048576", c.MaxText))
	}
	if c.MaxEdits < 0 || c.MaxEdits > 1000 {
		errs = append(errs, fmt.Errorf("chat: the former texts kept, %d, must be between 0 and 1000", c.MaxEdits))
	}
	return errors.Join(errs...)
}

// Check says what is wrong with a message that somebody wants to send, or nil.
func (c Config) Check(m *Message) error {
	if m.Sender == "" || m.Receiver == "" {
		return ErrParties
	}
	if len(m.ClientID) > MaxClientID || !utf8.ValidString(m.ClientID) {
		return ErrClientID
	}
	if err := CheckMedia(m.Media); err != nil {
		return err
	}
	return c.checkText(m.Text, m.Media)
}

func (c Config) checkText(text, media string) error {
	switch {
	case len(text) > c.MaxText:
		return ErrTextTooLong
	case !utf8.ValidString(text):
		return ErrText
	case media == "" && strings.TrimSpace(text) == "":
		return ErrEmpty
	}
	return nil
}

// CheckMedia wants the absolute URL of something on the web, or "".
func CheckMedia(media string) error {
	if media == "" {
		return nil
	}
	if len(media) > MaxMedia || !utf8.ValidString(media) || strings.ContainsFunc(media, unprintable) {
		return ErrMedia
	}
	u, err := url.Parse(media)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return ErrMedia
	}
	return nil
}

func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }

// Quote makes what a message from sender to receiver carries of the one that it
// answers: the text is the stored one, whatever a client says it was.
func Quote(answered *Message, sender, receiver string) (*Reply, error) {
	if !answered.Party(sender) || answered.Peer(sender) != receiver || answered.HiddenFrom(sender) {
		return nil, ErrReply
	}
	return &Reply{MessageID: answered.ID, Text: cut(answered.Text, MaxQuote)}, nil
}

// cut shortens s to at most n bytes, whole runes, with an ellipsis.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	end := n - len(more)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + more
}

// A Change is a rule for Messages.Update.
type Change = func(*Message) (changed bool, err error)

// Toggle is a user's reaction: the same emoji again takes it back, another
// replaces it.
func Toggle(user, emoji string) Change {
	return reaction(user, emoji, func(had bool) bool { return !had })
}

// React puts a user's reaction on a message, in place of another one, or takes it
// back: what may be asked for twice.
func React(user, emoji string, on bool) Change {
	return reaction(user, emoji, func(bool) bool { return on })
}

// reaction: want says whether the user shall have this emoji on the message, given
// whether that is so.
func reaction(user, emoji string, want func(had bool) bool) Change {
	return func(m *Message) (bool, error) {
		if err := touch(m, user); err != nil {
			return false, err
		}
		if emoji == "" || len(emoji) > MaxEmoji || !utf8.ValidString(emoji) || strings.ContainsFunc(emoji, unprintable) {
			return false, ErrEmoji
		}
		i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.User == user })
		had := i >= 0 && m.Reactions[i].Emoji == emoji
		on := want(had)
		if on == had {
			return false, nil
		}
		if i >= 0 {
			m.Reactions = append(m.Reactions[:i:i], m.Reactions[i+1:]...)
		}
		if on {
			m.Reactions = append(m.Reactions, Reaction{User: user, Emoji: emoji})
		}
		return true, nil
	}
}

// EditText gives a message another text; the former one is kept. Only the
// author may. The same text changes nothing.
func (c Config) EditText(user, text string, now time.Time) Change {
	return func(m *Message) (bool, error) {
		if err := touch(m, user); err != nil {
			return false, err
		}
		if user != m.Sender {
			return false, ErrNotAuthor
		}
		if err := c.checkText(text, m.Media); err != nil {
			return false, err
		}
		if text == m.Text {
			return false, nil
		}
		m.Edits = append(m.Edits, Edit{Text: m.Text, At: now.UTC().Truncate(time.Millisecond)})
		if over := len(m.Edits) - c.MaxEdits; over > 0 {
			m.Edits = append([]Edit(nil), m.Edits[over:]...)
		}
		m.Text = text
		return true, nil
	}
}

// HideFor deletes a message for one of the two.
func HideFor(user string) Change {
	return func(m *Message) (bool, error) {
		if !m.Party(user) {
			return false, ErrForbidden
		}
		if m.HiddenFrom(user) {
			return false, nil
		}
		m.HiddenFor = append(m.HiddenFor, user)
		return true, nil
	}
}

// MayDelete is a rule for Messages.Remove: the author deletes for both.
func MayDelete(user string) func(*Message) error {
	return func(m *Message) error {
		switch {
		case !m.Party(user):
			return ErrForbidden
		case user != m.Sender:
			return ErrNotAuthor
		}
		return nil
	}
}

// touch says whether a user may change a message at all: one of the two, who
// still sees it.
func touch(m *Message, user string) error {
	if !m.Party(user) {
		return ErrForbidden
	}
	if m.HiddenFrom(user) {
		return ErrNotFound
	}
	return nil
}

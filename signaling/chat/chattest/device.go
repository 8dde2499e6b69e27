package chattest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// device is what a client of a user knows by its journal alone.
type device struct {
	user   string
	cursor string
	msgs   map[string]*known
	gone   map[string]int
}

type known struct {
	chat.Message
	told chat.Status // by the message and by receipts of its own
}

func newDevice(user string) *device {
	return &device{user: user, msgs: map[string]*known{}, gone: map[string]int{}}
}

// page reads on from the cursor. If lost, the answer never came: nothing is
// known and the cursor stays.
func (d *device) page(s chat.Journal, limit int, lost bool) (more bool, err error) {
	c, err := s.Changes(context.Background(), d.user, d.cursor, limit)
	if err != nil {
		return false, err
	}
	if n := len(c.Messages) + len(c.Receipts) + len(c.Deleted); n > limit {
		return false, fmt.Errorf("%d changes in a page of %d", n, limit)
	} else if n == 0 && c.More {
		return false, errors.New("more was said after an empty page")
	}
	if c.Cursor == "" {
		return false, errors.New("a page without a cursor")
	}
	if lost {
		return true, nil
	}
	d.cursor = c.Cursor
	return c.More, d.apply(c)
}

// apply takes a page in and finds gaps and duplicates.
func (d *device) apply(c chat.Changes) error {
	for _, m := range c.Messages {
		if !m.Party(d.user) {
			return fmt.Errorf("%s was told of %s", d.user, m.ID)
		}
		if d.gone[m.ID] > 0 {
			return fmt.Errorf("%s came back after it was deleted", m.ID)
		}
		if k := d.msgs[m.ID]; k != nil && sameContent(&k.Message, m) && k.told >= m.Status {
			return fmt.Errorf("%s came twice and nothing had changed: %+v", m.ID, m)
		}
		d.msgs[m.ID] = &known{Message: *m.Clone(), told: m.Status}
	}
	for _, r := range c.Receipts {
		if r.MessageID == "" {
			if r.Status != chat.Seen || r.Author != d.user && r.Reader != d.user {
				return fmt.Errorf("%s was told %+v", d.user, r)
			}
			d.seen(r.Author, r.Reader, r.Until)
			continue
		}
		k := d.msgs[r.MessageID]
		if k == nil {
			return fmt.Errorf("a receipt of %s, which never came", r.MessageID)
		}
		if r.Author != k.Sender || r.Reader != k.Receiver {
			return fmt.Errorf("a receipt names %s and %s, the message %s and %s", r.Author, r.Reader, k.Sender, k.Receiver)
		}
		if r.Status <= k.told {
			return fmt.Errorf("a receipt says that %s is %v, which it was", r.MessageID, r.Status)
		}
		k.told, k.Status = r.Status, max(k.Status, r.Status)
	}
	for _, id := range c.Deleted {
		// Twice at most: first for this user, then for both.
		if d.gone[id]++; d.gone[id] > 2 {
			return fmt.Errorf("%s was deleted %d times", id, d.gone[id])
		}
		delete(d.msgs, id)
	}
	return nil
}

func (d *device) seen(author, reader string, until time.Time) {
	for _, k := range d.msgs {
		if k.Sender == author && k.Receiver == reader && !k.Created.After(until) {
			k.Status = chat.Seen
		}
	}
}

func sameContent(a, b *chat.Message) bool {
	return a.Text == b.Text && a.Media == b.Media && reflect.DeepEqual(a.Reactions, b.Reactions)
}

// drain reads until there is no more.
func (d *device) drain(s chat.Journal, limit int) error {
	for range 100_000 {
		more, err := d.page(s, limit, false)
		if err != nil || !more {
			return err
		}
	}
	return fmt.Errorf("the journal of %s has no end", d.user)
}

// agrees compares what the device knows with what the store holds of ids.
func (d *device) agrees(s chat.Messages, ids []string) error {
	count := 0
	for _, id := range ids {
		m, err := s.Get(context.Background(), id)
		k := d.msgs[id]
		switch {
		case err != nil || !m.Party(d.user) || m.HiddenFrom(d.user):
			if k != nil {
				return fmt.Errorf("%s still has %s (%w)", d.user, id, err)
			}
			continue
		case k == nil:
			return fmt.Errorf("%s never got %s", d.user, id)
		case !sameContent(&k.Message, m) || k.Status != m.Status:
			return fmt.Errorf("%s has %s as %q %v %v, the store as %q %v %v", d.user, id, k.Text, k.Reactions, k.Status, m.Text, m.Reactions, m.Status)
		}
		count++
	}
	if count != len(d.msgs) {
		return fmt.Errorf("%s has %d messages, the store %d", d.user, len(d.msgs), count)
	}
	return nil
}

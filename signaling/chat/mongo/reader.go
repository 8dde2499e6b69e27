package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// reader goes through a user's journal.
type reader struct {
	s           *Store
	user        string
	known, from int64 // from is the place to read next
	start, head int64 // documents that there are, as far as is known

	list     []told
	versions map[string]int32 // of messages that are in list
	deleted  map[string]bool
}

// read fills list with up to limit entries. It has read to the end only when it
// found nothing after the last message that had moved on.
func (r *reader) read(ctx context.Context, limit int) error {
	if err := r.begin(ctx); err != nil || r.head == 0 {
		return err
	}
	for len(r.list) < limit {
		entries, end, err := r.next(ctx)
		if err != nil {
			return err
		}
		moved, err := r.resolve(ctx, entries)
		if err != nil {
			return err
		}
		if end && !moved {
			return nil
		}
	}
	return nil
}

// begin finds out where the journal stands.
func (r *reader) begin(ctx context.Context) error {
	raw, err := r.s.heads.FindOne(ctx, bson.D{{Key: "_id", Value: r.user}}).Raw()
	if err != nil && !isNone(err) {
		return err
	}
	if err == nil {
		r.start, r.head = number(raw.Lookup("start")), number(raw.Lookup("head"))
	}
	if r.head == 0 { // nothing has happened
		if r.from > 0 {
			return chat.ErrBadCursor // of a database that was put back to what it was earlier
		}
		return nil
	}
	r.from = max(r.from, r.start*perChunk)
	return nil
}

// next reads on to the end of a document; end: there was none, or it is not full.
func (r *reader) next(ctx context.Context) (list []entry, end bool, err error) {
	for {
		k := r.from / perChunk
		raw, err := r.s.journals.FindOne(ctx, bson.D{{Key: "_id", Value: chunkID(r.user, k)}}).Raw()
		if isNone(err) {
			if k > r.head {
				return nil, true, r.after(ctx, k)
			}
			if k == r.head {
				return nil, true, nil
			}
			// Those that were too old to keep.
			raw, err = r.s.journals.FindOne(ctx, bson.D{{Key: "user", Value: value(r.user)}, {Key: "k", Value: bson.D{{Key: "$gt", Value: k}}}},
				options.FindOne().SetSort(bson.D{{Key: "k", Value: 1}}).SetProjection(bson.D{{Key: "k", Value: 1}})).Raw()
			if isNone(err) {
				return nil, true, nil
			}
			if err != nil {
				return nil, false, err
			}
			r.from = number(raw.Lookup("k")) * perChunk
			continue
		}
		if err != nil {
			return nil, false, err
		}
		r.head = max(r.head, k)
		n := min(number(raw.Lookup("n")), perChunk)
		if r.from > k*perChunk+n {
			return nil, false, chat.ErrBadCursor
		}
		place := k * perChunk
		each(raw.Lookup("e"), func(v bson.RawValue) {
			if place >= r.from && place < k*perChunk+n {
				list = append(list, readEntry(v, place))
			}
			place++
		})
		r.from = k*perChunk + n
		return list, n < perChunk, nil
	}
}

// after says whether a journal may end before a document: the one before it is
// full. If it is not, the place is of a database that was put back to what it was
// earlier.
func (r *reader) after(ctx context.Context, k int64) error {
	raw, err := r.s.journals.FindOne(ctx, bson.D{{Key: "_id", Value: chunkID(r.user, k-1)}}).Raw()
	if isNone(err) || err == nil && number(raw.Lookup("n")) < perChunk {
		return chat.ErrBadCursor
	}
	return err
}

// skip goes to the end.
func (r *reader) skip(ctx context.Context) error {
	if err := r.begin(ctx); err != nil || r.head == 0 {
		return err
	}
	r.from = max(r.from, r.head*perChunk)
	for {
		_, end, err := r.next(ctx)
		if err != nil || end {
			return err
		}
	}
}

func readEntry(v bson.RawValue, place int64) entry {
	e := entry{place: place}
	d, ok := v.DocumentOK()
	if !ok {
		return e
	}
	if m := d.Lookup("m"); m.Type != 0 {
		e.message, e.version = anyOf(m), int32(number(d.Lookup("v")))
	} else if g := d.Lookup("g"); g.Type != 0 {
		e.gone = text(g)
	} else if t := instant(d.Lookup("t")); !t.IsZero() {
		e.receipt = &chat.Receipt{Author: text(d.Lookup("a")), Reader: text(d.Lookup("r")), Status: chat.Seen, Until: t}
	}
	return e
}

// resolve adds what entries say to the list. moved: some messages have moved on,
// and what there is to hear of them stands further on.
func (r *reader) resolve(ctx context.Context, entries []entry) (moved bool, err error) {
	docs, err := r.documents(ctx, entries)
	if err != nil {
		return false, err
	}
	var waiting []*stored
	for _, e := range entries {
		switch {
		case e.gone != "":
			if !r.deleted[e.gone] {
				r.deleted[e.gone] = true
				r.list = append(r.list, told{place: e.place, gone: e.gone})
			}
		case e.receipt != nil:
			r.list = append(r.list, told{place: e.place, receipt: e.receipt})
		case e.message != nil:
			d := docs[idText(e.message)]
			if d == nil || d.gone || !d.m.Party(r.user) || d.m.HiddenFrom(r.user) {
				continue
			}
			if e.version < d.version {
				if moved = true; len(d.open) > 0 {
					waiting = append(waiting, d)
				}
				continue
			}
			r.tell(e, d)
		}
	}
	for _, d := range waiting {
		if err := r.s.await(ctx, r.user, d); err != nil {
			return false, err
		}
	}
	return moved, nil
}

func (r *reader) tell(e entry, d *stored) {
	if v, ok := r.versions[d.m.ID]; ok && v == d.version {
		return
	}
	r.versions[d.m.ID] = d.version
	p := d.place
	if p.Version != d.content || p.Version == 0 {
		p, _ = r.s.cache.place(d.m.ID)
	}
	if e.version != d.content && p.Version == d.content && p.Version > 0 && p.of(d.m, r.user) < r.known {
		r.list = append(r.list, told{place: e.place, receipt: &chat.Receipt{
			MessageID: d.m.ID, Author: d.m.Sender, Reader: d.m.Receiver, Status: d.m.Status,
		}})
		return
	}
	r.list = append(r.list, told{place: e.place, message: d.m})
}

// documents reads the messages of entries, as they are after the entries were
// read.
func (r *reader) documents(ctx context.Context, entries []entry) (map[string]*stored, error) {
	ids, docs := bson.A{}, map[string]*stored{}
	for _, e := range entries {
		if e.message == nil {
			continue
		}
		if id := idText(e.message); docs[id] == nil {
			docs[id] = &stored{gone: true}
			ids = append(ids, e.message)
		}
	}
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // none are asked for
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
	if len(ids) == 1 {
		filter = bson.D{{Key: "_id", Value: ids[0]}}
	}
	err := r.s.each(ctx, r.s.messages, filter, options.Find(), func(raw bson.Raw) error {
		d, err := read(raw)
		if err == nil {
			docs[d.m.ID] = d
		}
		return err
	})
	return docs, err
}

// idText is an id as clients have it.
func idText(id any) string {
	switch id := id.(type) {
	case bson.ObjectID:
		return id.Hex()
	case bson.RawValue:
		return text(id)
	}
	return ""
}

package sqlite

import (
	"database/sql"
	"errors"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// known is what the writer knows of the file without looking: it is right as long
// as nobody else writes and no transaction is taken back.
type known struct {
	seq   int64 // where the sequence stood then
	pairs map[names]*pair
	dirty map[names]*pair // those that are to be written by the end of the batch
	rows  map[int64]*row  // messages that were added or read a short while ago
	order []int64         // of rows
	bytes int             // in rows
}

// maxPairs and maxRowBytes bound what is known.
const (
	maxPairs    = 8192
	maxRowBytes = 4 << 20
)

// forget is called at the begin of a batch if somebody else wrote, and after a
// rollback.
func (k *known) forget() {
	*k = known{pairs: map[names]*pair{}, dirty: map[names]*pair{}, rows: map[int64]*row{}}
}

// put keeps a row, and drops old ones.
func (k *known) put(r *row) {
	if k.rows[r.n] != nil {
		return
	}
	k.rows[r.n], k.order = r, append(k.order, r.n)
	for k.bytes += r.size(); k.bytes > maxRowBytes; k.order = k.order[1:] {
		k.drop(k.order[0])
	}
}

// drop forgets a row that has changed, or is no more.
func (k *known) drop(n int64) {
	if r := k.rows[n]; r != nil {
		k.bytes -= r.size()
		delete(k.rows, n)
	}
}

// stored reads the message at a place; ErrNotFound if there is none. The row is
// the writer's: its status is what is stored, not what the pair says.
func (b *batch) stored(n int64) (*row, error) {
	k := &b.w.known
	if r := k.rows[n]; r != nil {
		return r, nil
	}
	r := new(row)
	err := b.row(`SELECT `+storedColumns+` FROM messages m WHERE m.n = ?`, []any{n}, r.dest()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, chat.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	k.put(r)
	return r, nil
}

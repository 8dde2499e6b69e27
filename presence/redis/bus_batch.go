package redis

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/tandem-rtc/tandem/presence"
)

// A batch is what one entry of an inbox holds: what one node sent to another in
// one go. It begins with
//
//	version  1 byte; entries of another version are skipped
//	length   uvarint, of the head that follows; a later release may append to it
//	head     name, epoch (each with its length in one byte), origin, generation,
//	         number (8 bytes each, big-endian)
//
// and goes on with letters:
//
//	lane     1 byte: 0 Must, else best effort
//	kind     1 byte; kinds that the receiver does not know are skipped
//	seq      uvarint, on the Must lane only
//	length   uvarint
//	payload
//
// The origin is one run of the sending program, which may have several epochs.
// The generation is one count of letters from that origin to this inbox,
// beginning at 1. Batches are numbered in the order in which they were made, so
// that one which Redis got twice, or late, is known.
const batchVersion = 1

var (
	errBatch        = errors.New("redis: malformed batch")
	errBatchVersion = errors.New("redis: batch of another version")
)

// head says who sent a batch.
type head struct {
	name, epoch         []byte
	origin, gen, number uint64
}

// appendHead writes version and head.
func appendHead(b []byte, from presence.Peer, origin, gen, number uint64) []byte {
	b = append(b, batchVersion)
	b = binary.AppendUvarint(b, uint64(2+len(from.Name)+len(from.Epoch)+3*8))
	b = append(append(b, byte(len(from.Name))), from.Name...)
	b = append(append(b, byte(len(from.Epoch))), from.Epoch...)
	b = binary.BigEndian.AppendUint64(b, origin)
	b = binary.BigEndian.AppendUint64(b, gen)
	return binary.BigEndian.AppendUint64(b, number)
}

// appendLetter writes one letter.
func appendLetter(b []byte, l *letter) []byte {
	lane := l.lane
	if lane == presence.Awaited { // to its receiver it is the same
		lane = presence.Must
	}
	b = append(b, byte(lane), byte(l.kind))
	if lane == presence.Must {
		b = binary.AppendUvarint(b, l.seq)
	}
	b = binary.AppendUvarint(b, uint64(len(l.payload)))
	return append(b, l.payload...)
}

// openBatch reads version and head, and returns the letters.
func openBatch(b []byte) (h head, letters []byte, err error) {
	if len(b) == 0 {
		return h, nil, errBatch
	}
	if b[0] != batchVersion {
		return h, nil, errBatchVersion
	}
	hb, letters, ok := cut(b[1:])
	if !ok {
		return h, nil, errBatch
	}
	if h.name, hb, ok = cutShort(hb); !ok {
		return h, nil, errBatch
	}
	if h.epoch, hb, ok = cutShort(hb); !ok || len(hb) < 3*8 {
		return h, nil, errBatch
	}
	h.origin = binary.BigEndian.Uint64(hb)
	h.gen = binary.BigEndian.Uint64(hb[8:])
	h.number = binary.BigEndian.Uint64(hb[16:])
	return h, letters, nil
}

// nextLetter takes the first letter off; its payload is a part of b.
func nextLetter(b []byte) (l letter, rest []byte, err error) {
	if len(b) < 2 {
		return l, nil, errBatch
	}
	l.lane, l.kind, b = presence.Lane(b[0]), presence.Kind(b[1]), b[2:]
	if l.lane == presence.Must {
		seq, n := binary.Uvarint(b)
		if n <= 0 || seq == 0 || seq == math.MaxUint64 {
			return l, nil, errBatch
		}
		l.seq, b = seq, b[n:]
	}
	var ok bool
	if l.payload, rest, ok = cut(b); !ok {
		return l, nil, errBatch
	}
	return l, rest, nil
}

// cut takes bytes off that stand behind their length.
func cut(b []byte) (part, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	end := k + int(n)
	return b[k:end:end], b[end:], true
}

func cutShort(b []byte) (part, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) >= len(b) {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	return b[1:end:end], b[end:], true
}

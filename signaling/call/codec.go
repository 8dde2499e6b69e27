package call

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A stored call is
//
//	codecVersion  1 byte
//	Version       8 bytes, big endian
//	State         1 byte
//	fields of Call, and the end mark
//
// The head has its place so that a store can compare versions and see whether a
// call is live without reading more. A field is a key, one byte with its number
// and how its value is written, and the value:
//
//	varint  unsigned, as encoding/binary writes it
//	bytes   a varint length, and that many bytes
//	group   fields of a struct, and the end mark
//	fixed   8 bytes, little endian: hashes
//
// Fields that are zero are left out, those of an unknown number skipped; a
// number is never given to another field. A list is its length as a varint,
// then one value for each entry, all under the list's number. Raw signals stay
// as they are; one that was written before in the same record (an offer that is
// kept and told of) is a varint: which of the long ones it is.

// codecVersion is the first byte of every stored call. It grows when an older
// program could no longer understand the record.
const codecVersion = 1

// HeadLen is how long the head of a stored call is: the bytes that Head reads.
const HeadLen = 10

// How a value is written.
const (
	asVarint = iota
	asBytes
	asGroup
	asFixed
	wireBits = 2
	wireMask = 1<<wireBits - 1
)

// endMark closes a group. No field has the number 0.
const endMark = 0

// longRaw is from what length on a raw signal is worth a reference, and maxRaws
// how many are remembered: reading and writing have to agree on them.
const (
	longRaw = 64
	maxRaws = 8
)

var errRecord = errors.New("call: decode: the record is broken")

// Head reads the head of a stored call.
func Head(b []byte) (version uint64, st State, ok bool) {
	if len(b) < HeadLen || b[0] != codecVersion {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(b[1:]), State(b[9]), true
}

// AppendCall writes a call for storage to the end of b.
func AppendCall(b []byte, c *Call) []byte {
	b = append(slices.Grow(b, sizeHint(c)), codecVersion)
	b = binary.BigEndian.AppendUint64(b, c.Version)
	b = append(b, byte(c.State))
	e := encoder{b: b}
	e.call(c)
	return e.b
}

// Decode reads what AppendCall wrote. The bytes belong to the call from then on:
// its raw signals are pieces of them. A record of a newer kind is ErrVersion.
func Decode(b []byte) (Call, error) {
	if len(b) > 0 && b[0] > codecVersion {
		return Call{}, fmt.Errorf("call: decode version %d: %w", b[0], ErrVersion)
	}
	v, st, ok := Head(b)
	if !ok {
		return Call{}, errRecord
	}
	c := Call{Version: v, State: st}
	d := decoder{b: b[HeadLen:]}
	d.call(&c)
	if d.bad || len(d.b) > 0 {
		return Call{}, errRecord
	}
	if c.ID == "" || c.State < Ringing || c.State > Ended {
		return Call{}, errors.New("call: decode: no call in it")
	}
	return c, nil
}

// sizeHint is about how long the record will be: rather too much, since a record
// that has to grow is copied.
func sizeHint(c *Call) int {
	n := 160 + len(c.ID) + len(c.ClientID) + len(c.Info.From) + len(c.Info.CallerName) + len(c.Info.Metadata) + len(c.Next)
	n += partyHint(&c.Caller) + partyHint(&c.Callee) + rungHint(c.Rung) + rungHint(c.Left) + keptHint(c.Offers) + keptHint(c.Kept)
	for i := range c.Outbox {
		e := &c.Outbox[i]
		n += 64 + len(e.To.User) + len(e.To.Device) + len(e.Next) + len(e.By) + keptHint(e.Items)
		for _, d := range e.To.Devices {
			n += 3 + len(d)
		}
		if k := len(e.Signal); k > 0 && (len(c.Offers) == 0 || !sameBytes(c.Offers[0].Signal, e.Signal)) {
			n += k
		}
	}
	return n
}

func partyHint(p *Party) int {
	return 40 + len(p.User) + len(p.Device) + len(p.Session) + 8*len(p.Seen)
}

func rungHint(list []Rung) (n int) {
	for i := range list {
		n += 20 + len(list[i].Device) + len(list[i].Session)
	}
	return n
}

func keptHint(list []Kept) (n int) {
	for i := range list {
		n += 40 + len(list[i].From) + len(list[i].Signal)
	}
	return n
}

// hashes is a short list of signal hashes, oldest first.
type hashes []uint64

// maxSeen bounds what is remembered about the signals that one device got.
const maxSeen = 64

func (h hashes) has(x uint64) bool {
	for _, v := range h {
		if v == x {
			return true
		}
	}
	return false
}

// with returns a copy that has x as its newest.
func (h hashes) with(x uint64) hashes {
	if len(h) >= maxSeen {
		h = h[1:]
	}
	return append(h[:len(h):len(h)], x)
}

package call

import (
	"encoding/binary"
	"math/bits"
)

// hash64 is a fast hash of a signal's bytes: the same on every node and in
// every version, because it is stored with the call. It tells repetitions
// apart from news, no more: whoever makes two of its own signals collide loses
// one of them. It is never zero.
func hash64(b []byte) uint64 {
	const k0, k1 = 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db
	n := uint64(len(b))
	h0, h1 := k0^n, uint64(k1)
	for len(b) >= 16 {
		h0 = mix(h0^binary.LittleEndian.Uint64(b), k1)
		h1 = mix(h1^binary.LittleEndian.Uint64(b[8:]), k0)
		b = b[16:]
	}
	if len(b) >= 8 {
		h0 = mix(h0^binary.LittleEndian.Uint64(b), k1)
		b = b[8:]
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	h := mix(h0^tail, h1^n|1)
	if h ^= h >> 32; h == 0 {
		return k0
	}
	return h
}

// mix multiplies to 128 bits and folds them.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

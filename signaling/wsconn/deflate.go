package wsconn

import (
	"bytes"
	"compress/flate"
	"sync"
)

// minDeflate is the payload from which compressing pays.
const minDeflate = 512

// deflaters is shared by all servers: a compressor is 600 KiB, has no state
// between messages (no context takeover), and is not configuration.
var deflaters = sync.Pool{New: func() any {
	d := new(deflater)
	d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // fails for unknown levels only
	return d
}}

type deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

// appendDeflated appends one compressed frame (RFC 7692 §7.2.1).
func appendDeflated(dst []byte, first byte, parts ...[]byte) []byte {
	d := deflaters.Get().(*deflater)
	d.out.Reset()
	d.w.Reset(&d.out)
	for _, p := range parts {
		_, _ = d.w.Write(p) // to memory
	}
	_ = d.w.Flush()
	payload := d.out.Bytes()
	payload = payload[:len(payload)-4] // 00 00 ff ff, the tail the peer adds again
	dst = append(appendHeader(dst, first|rsvDeflate, len(payload)), payload...)
	if d.out.Cap() <= largeBuffer {
		deflaters.Put(d)
	}
	return dst
}

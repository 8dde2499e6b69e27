package wsconn

import (
	"bufio"
	"sync"
)

const (
	smallBuffer = 1 << 10  // what a buffer from the pool holds at least
	largeBuffer = 64 << 10 // one that grew beyond is left to the collector
)

// buffer is a byte slice that goes in and out of a pool without an allocation.
type buffer struct{ b []byte }

// pools are what the connections of a Server share. What is in them goes with
// the second garbage collection after it was last used.
type pools struct {
	buffers sync.Pool // *buffer
	readers sync.Pool // *bufio.Reader with nothing to read from
	size    int       // of the readers
}

func (p *pools) buffer() *buffer {
	if b, ok := p.buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, smallBuffer)}
}

func (p *pools) put(b *buffer) {
	if cap(b.b) <= largeBuffer {
		b.b = b.b[:0]
		p.buffers.Put(b)
	}
}

func (p *pools) reader() *bufio.Reader {
	if r, ok := p.readers.Get().(*bufio.Reader); ok {
		return r
	}
	return bufio.NewReaderSize(nil, p.size)
}

func (p *pools) putReader(r *bufio.Reader) {
	r.Reset(nil)
	p.readers.Put(r)
}

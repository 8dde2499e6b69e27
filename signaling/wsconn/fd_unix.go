//go:build unix

package wsconn

import (
	"io"
	"sync"
	"syscall"
)

// rawIO: sockets can be read and written without blocking through their
// descriptors.
const rawIO = true

// readNow reads what is there, errAgain if nothing is.
func readNow(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		switch {
		case n > 0:
			return n, nil
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, errAgain
		case err != nil:
			return 0, err
		}
		return 0, io.EOF
	}
}

// writeOp is one write through a RawConn, pooled with its closure.
type writeOp struct {
	p     []byte
	n     int
	err   error
	block bool
	f     func(fd uintptr) bool
}

// writeOps is shared by all servers: what is in it has no state.
var writeOps = sync.Pool{New: func() any {
	op := new(writeOp)
	op.f = op.try
	return op
}}

func (op *writeOp) try(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), op.p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return !op.block
		case err != nil:
			op.err = err
			return true
		}
		op.n = n
		return true
	}
}

func (c *Conn) write(p []byte, block bool) (int, error) {
	op := writeOps.Get().(*writeOp)
	op.p, op.n, op.err, op.block = p, 0, nil, block
	err := c.raw.Write(op.f)
	if err == nil {
		err = op.err
	}
	n := op.n
	op.p = nil
	writeOps.Put(op)
	return n, err
}

// writeNow writes as much as the socket takes at once, perhaps nothing.
func (c *Conn) writeNow(p []byte) (int, error) { return c.write(p, false) }

// writeSome writes at least one byte, waiting for it until the deadline.
func (c *Conn) writeSome(p []byte) (int, error) {
	if c.raw == nil {
		return c.nc.Write(p[:min(len(p), pieceSize)])
	}
	return c.write(p, true)
}

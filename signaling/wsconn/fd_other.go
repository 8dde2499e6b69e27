//go:build !unix

package wsconn

import "errors"

const rawIO = false

func readNow(int, []byte) (int, error) { return 0, errors.ErrUnsupported }

func (c *Conn) writeNow([]byte) (int, error) { return 0, errors.ErrUnsupported }

// writeSome writes a piece, waiting for it until the deadline.
func (c *Conn) writeSome(p []byte) (int, error) {
	return c.nc.Write(p[:min(len(p), pieceSize)])
}

//go:build !linux

package wsconn

import "errors"

// poller exists on Linux only; elsewhere each connection keeps its goroutine.
type poller struct{}

func newPoller() (*poller, error) { return nil, nil }
func (*poller) watch(*Conn) error { return errors.ErrUnsupported }
func (*poller) forget(*Conn)      {}
func (*poller) close()            {}

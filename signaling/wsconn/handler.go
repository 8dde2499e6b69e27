package wsconn

import (
	"errors"
	"fmt"
)

// Handler is what a dialect does with a connection. OnMessage and OnIdle of one
// connection are called one at a time, on the goroutine that reads it; none of
// the methods is called with a lock of wsconn held, so all may call any method
// of any Conn. A panic in one of them is logged and ends that connection only.
type Handler interface {
	// OnMessage gets one whole message. Text is valid UTF-8. data is valid
	// during the call only. After Close or Abort of the connection no further
	// OnMessage begins.
	OnMessage(c *Conn, binary bool, data []byte)
	// OnIdle is called before the reader may wait for the network, if OnMessage
	// was called since the last OnIdle: the place to Flush the connections that
	// the batch of messages queued something for. c itself is flushed
	// afterwards anyway.
	OnIdle(c *Conn)
	// OnClose is the last call, exactly once.
	OnClose(c *Conn, cause Cause)
}

// PongHandler is a Handler that wants to hear of pongs, on the goroutine that
// reads.
type PongHandler interface{ OnPong(c *Conn) }

// Cause says how a connection ended.
type Cause struct {
	// Code is the close code of RFC 6455 §7.4 that was received, or, if Local,
	// sent. 1005: the frame had none; 1006: there was no close frame.
	Code   int
	Reason string // what came or went with the code
	Local  bool   // this side ended it first
	Err    error  // what was behind it: the argument of Abort, ErrSlow, ErrTooBig, ErrProtocol, ErrUTF8, an error of the network; nil for an orderly close
}

// String is for logs.
func (c Cause) String() string {
	who := "peer"
	if c.Local {
		who = "server"
	}
	if c.Err != nil {
		return fmt.Sprintf("%s %d %s: %v", who, c.Code, c.Reason, c.Err)
	}
	return fmt.Sprintf("%s %d %s", who, c.Code, c.Reason)
}

var (
	// ErrSlow: the peer does not read what is sent to it.
	ErrSlow = errors.New("wsconn: slow reader")
	// ErrTooBig: a message over Config.MaxMessage; the peer got close 1009.
	ErrTooBig = errors.New("wsconn: message too big")
	// ErrProtocol: frames against RFC 6455; the peer got close 1002.
	ErrProtocol = errors.New("wsconn: protocol error")
	// ErrUTF8: a text message that is not UTF-8, or compressed data that can't
	// be decompressed; the peer got close 1007.
	ErrUTF8 = errors.New("wsconn: invalid payload data")
	// ErrPanic: a method of the Handler panicked; the peer got close 1011.
	ErrPanic = errors.New("wsconn: handler panicked")
	// ErrServerClosed: the Server was closed.
	ErrServerClosed = errors.New("wsconn: server closed")
	// ErrEarlyData: the client sent frames before it had the answer to its
	// upgrade request.
	ErrEarlyData = errors.New("wsconn: data before the handshake was complete")
)

// Lane says what becomes of a frame when its receiver is slow.
type Lane uint8

const (
	// MustArrive frames are kept until sent; over Config.MaxQueue the connection
	// ends with ErrSlow.
	MustArrive Lane = iota
	// Droppable frames are refused while more than Config.DropAbove bytes wait.
	Droppable
)

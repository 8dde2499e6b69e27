package socketio

import (
	"encoding/json"
	"fmt"

	"github.com/tandem-rtc/tandem/signaling/wire/rawjson"
)

// Event is one EVENT or ACK packet from a client. It and everything it refers
// to is valid during the call it is given to; keep copies.
type Event struct {
	// Socket is where it came from.
	Socket *Socket
	// Name is the event's name, unescaped. Empty for an acknowledgement.
	Name []byte
	// Args is what stands between the brackets after the name: the raw JSON of
	// the arguments separated by commas, valid JSON each, empty if there are
	// none.
	Args []byte
	// AckID is the id the client gave if it wants an acknowledgement.
	AckID  uint64
	HasAck bool
	// Attachments are the binary parts that {"_placeholder":true,"num":n} in
	// Args stand for. They are not reused: keeping one is allowed.
	Attachments [][]byte

	payload []byte   // the whole JSON array
	elems   [][]byte // of an event: its elements, the name first
	binary  bool     // from a binary packet

	few [8][]byte // room for the elements of most
}

// List returns the raw JSON of each argument, appended to dst.
func (e *Event) List(dst [][]byte) [][]byte {
	if len(e.elems) > 0 {
		return append(dst, e.elems[1:]...)
	}
	if len(e.payload) == 0 {
		return dst
	}
	dst, _ = rawjson.Array(dst, e.payload) // validated when it came
	return dst
}

// Bind decodes the arguments into dst, one pointer each; nil skips one. A *[]byte
// takes an attachment. Missing arguments leave their pointer alone, surplus
// ones are ignored.
func (e *Event) Bind(dst ...any) error {
	args := e.List(nil)
	for i, d := range dst {
		if i >= len(args) {
			return nil
		}
		if d == nil {
			continue
		}
		if p, ok := d.(*[]byte); ok && e.binary {
			if n, ok := placeholder(args[i]); ok && n < len(e.Attachments) {
				*p = e.Attachments[n]
				continue
			}
		}
		if err := json.Unmarshal(args[i], d); err != nil {
			return fmt.Errorf("socketio: argument %d of %q: %w", i, e.Name, err)
		}
	}
	return nil
}

// Ack acknowledges the event with args, encoded as by [Socket.Emit], and
// flushes. Without HasAck, or a second time, it does nothing.
func (e *Event) Ack(args ...any) error {
	if !e.HasAck {
		return nil
	}
	raw, attachments, err := encodeArgs(nil, args)
	if err != nil {
		return err
	}
	if t := e.Token(); t.ReplyBinary(raw, attachments) {
		t.socket.Flush()
	}
	return nil
}

// AckRaw queues an acknowledgement with raw JSON arguments separated by commas
// and does not flush. It reports whether it was queued.
func (e *Event) AckRaw(args []byte) bool {
	return e.AckBinary(args, nil)
}

// AckBinary is AckRaw with attachments for the placeholders in args.
func (e *Event) AckBinary(args []byte, attachments [][]byte) bool {
	t := e.Token()
	return t.ReplyBinary(args, attachments)
}

// Token returns what is needed to acknowledge the event later. The event
// itself can't be acknowledged any more then.
func (e *Event) Token() AckToken {
	if !e.HasAck {
		return AckToken{}
	}
	e.HasAck = false
	return AckToken{socket: e.Socket, client: e.Socket.client.Load(), id: e.AckID}
}

// AckToken acknowledges one event, from any goroutine and at most usefully
// once. The zero token belongs to an event that wanted no acknowledgement:
// replying to it does nothing. A client forgets what it asked when its
// transport goes away, so does a token.
type AckToken struct {
	socket *Socket
	client *client
	id     uint64
}

// Wanted reports whether somebody waits for the reply.
func (t AckToken) Wanted() bool { return t.client != nil }

// Socket is the socket that asked; nil for the zero token.
func (t AckToken) Socket() *Socket { return t.socket }

// Reply queues the reply with raw JSON arguments separated by commas; it does
// not flush (see [Socket.Flush]). It reports whether it was queued.
func (t AckToken) Reply(args []byte) bool { return t.ReplyBinary(args, nil) }

// ReplyBinary is Reply with attachments for the placeholders in args.
func (t AckToken) ReplyBinary(args []byte, attachments [][]byte) bool {
	if t.client == nil || t.socket.client.Load() != t.client {
		return false
	}
	return t.client.sendAck(t.socket.nsp, t.id, args, attachments)
}

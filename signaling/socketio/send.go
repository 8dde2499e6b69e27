package socketio

import "strconv"

// sendEvent queues an event; offset is a JSON string or nil.
func (c *client) sendEvent(lane Lane, n *Namespace, p *packet, offset []byte) bool {
	if p.message != nil && offset == nil {
		if f := p.message.frameFor(n); f != nil {
			return c.es.QueueFrame(lane, f)
		}
	}
	if len(p.attachments) == 0 {
		return c.es.Queue(lane, false, n.eventPrefix, p.name, comma(p.args), p.args, comma(offset), offset, closing)
	}
	return c.es.QueueBinary(lane, p.attachments, binaryPrefix(typeBinaryEvent, len(p.attachments), n, nil),
		p.name, comma(p.args), p.args, comma(offset), offset, closing)
}

// sendQuestion queues an event that wants an acknowledgement.
func (c *client) sendQuestion(n *Namespace, p *packet, id uint64) bool {
	number := strconv.AppendUint(nil, id, 10)
	if len(p.attachments) == 0 {
		return c.es.Queue(MustArrive, false, n.eventPrefix, number, p.name, comma(p.args), p.args, closing)
	}
	return c.es.QueueBinary(MustArrive, p.attachments, binaryPrefix(typeBinaryEvent, len(p.attachments), n, number),
		p.name, comma(p.args), p.args, closing)
}

// sendAck queues the answer to a client's question.
func (c *client) sendAck(n *Namespace, id uint64, args []byte, attachments [][]byte) bool {
	b := scratch.Get().(*[]byte)
	defer scratch.Put(b)
	*b = strconv.AppendUint((*b)[:0], id, 10)
	if len(attachments) == 0 {
		return c.es.Queue(MustArrive, false, n.ackPrefix, *b, opening, args, closing)
	}
	return c.es.QueueBinary(MustArrive, attachments, binaryPrefix(typeBinaryAck, len(attachments), n, *b),
		opening, args, closing)
}

var opening = []byte("[")

// binaryPrefix is what a binary packet begins with.
func binaryPrefix(kind byte, attachments int, n *Namespace, id []byte) []byte {
	b := make([]byte, 0, 32+len(n.binaryTail))
	b = append(b, kind)
	b = strconv.AppendInt(b, int64(attachments), 10)
	b = append(b, '-')
	b = append(b, n.binaryTail...)
	return append(b, id...)
}

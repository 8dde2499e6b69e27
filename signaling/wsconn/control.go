package wsconn

// control takes a ping or a pong from the buffer. Anything else, broken ones
// too, is left for gorilla. So is all with permessage-deflate: a message that
// was decompressed may end before its frame does, and only gorilla knows.
func (c *Conn) control() (bool, error) {
	if c.deflate {
		return false, nil
	}
	p, err := c.br.Peek(2)
	if err != nil {
		return false, err
	}
	if first := p[0]; (first != finPing && first != finPong) || p[1] < 0x80 || p[1] > 0x80+maxControl {
		return false, nil
	}
	n := 6 + int(p[1]&0x7f)
	if p, err = c.br.Peek(n); err != nil {
		return false, err
	}
	if p[0] == finPing {
		key, payload := p[2:6], p[6:]
		for i := range payload {
			payload[i] ^= key[i&3]
		}
		c.pong(payload)
	} else {
		c.ponged()
	}
	_, _ = c.br.Discard(n) // it is there
	return true, nil
}

// onPing is gorilla's handler, for pings between the fragments of a message.
func (c *Conn) onPing(payload string) error {
	c.pong([]byte(payload))
	return nil
}

// onPong is the same for pongs.
func (c *Conn) onPong(string) error {
	c.ponged()
	return nil
}

func (c *Conn) ponged() {
	if h, ok := c.h.(PongHandler); ok && !c.deaf.Load() {
		h.OnPong(c)
	}
}

// pong queues the answer to a ping. One that comes while much waits is left out:
// RFC 6455 §5.5.3 allows to answer the latest only.
func (c *Conn) pong(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || c.pendingLocked() > c.srv.cfg.DropAbove {
		return
	}
	b := c.outLocked()
	b.b = append(appendHeader(b.b, finPong, len(payload)), payload...)
	c.replied = true
}

// Ping queues and flushes a ping frame.
func (c *Conn) Ping() {
	c.QueuePing()
	c.Flush()
}

// QueuePing queues a ping frame: its pong says that the peer has read what was
// queued before it.
func (c *Conn) QueuePing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return
	}
	b := c.outLocked()
	b.b = append(b.b, finPing, 0)
}

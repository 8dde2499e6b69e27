package socketio

// find returns the socket of a namespace. known without a socket: the server
// has disconnected it, and the client may not know that yet.
func (c *client) find(nsp []byte) (s *Socket, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = c.lookupLocked(nsp)
	if s == nil {
		return nil, false
	}
	if s.client.Load() != c {
		return nil, true
	}
	return s, true
}

func (c *client) lookupLocked(nsp []byte) *Socket {
	if c.one != nil && c.one.nsp.is(nsp) {
		return c.one
	}
	for _, s := range c.more {
		if s.nsp.is(nsp) {
			return s
		}
	}
	return nil
}

// is compares a namespace's name with that of a packet, where nil is "/".
func (n *Namespace) is(name []byte) bool {
	if name == nil {
		return n.name == "/"
	}
	return n.name == string(name)
}

// put adds a socket, in place of an older one of the same namespace.
func (c *client) put(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.one == nil || c.one.nsp == s.nsp:
		c.one = s
	default:
		for i, other := range c.more {
			if other.nsp == s.nsp {
				c.more[i] = s
				return
			}
		}
		c.more = append(c.more[:len(c.more):len(c.more)], s)
	}
}

// drop removes a socket that the client has left.
func (c *client) drop(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.one == s {
		c.one = nil
		return
	}
	var rest []*Socket
	for _, other := range c.more {
		if other != s {
			rest = append(rest, other)
		}
	}
	c.more = rest
}

// sockets returns those that are connected through c.
func (c *client) sockets() []*Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Socket
	if c.one != nil && c.one.client.Load() == c {
		all = append(all, c.one)
	}
	for _, s := range c.more {
		if s.client.Load() == c {
			all = append(all, s)
		}
	}
	return all
}

package wsconn

// list is a ring of connections; each is in one list at a time.
type list struct{ root link }

type link struct {
	next, prev *link
	c          *Conn
	rested     bool // was parked before
}

func (l *list) init()       { l.root.next, l.root.prev = &l.root, &l.root }
func (l *list) empty() bool { return l.root.next == &l.root }

// push puts n at the end, taking it out of where it was.
func (l *list) push(n *link) {
	n.unlink()
	n.prev, n.next = l.root.prev, &l.root
	l.root.prev.next = n
	l.root.prev = n
}

func (n *link) unlink() {
	if n.next != nil {
		n.prev.next, n.next.prev = n.next, n.prev
		n.next, n.prev = nil, nil
	}
}

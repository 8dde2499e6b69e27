package redistest

import "bytes"

// LoseAnswer lets the next request that has these words in it through to the
// server, and ends its connection in place of the answer, after then (which may be
// nil) has run: the client can not know that it was carried out.
func (p *Proxy) LoseAnswer(words string, then func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loss = &loss{[]byte(words), then}
}

// loss is an answer that is to be lost.
type loss struct {
	words []byte
	then  func()
}

// loser watches one connection for it.
type loser struct {
	p    *Proxy
	tail []byte // of what the client has sent; the words may come in two pieces
	loss *loss  // of this connection, guarded by p.mu
}

// request sees what the client sends, before the server has it.
func (l *loser) request(b []byte) (ends bool) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	next := l.p.loss
	if next == nil {
		l.tail = nil
		return false
	}
	l.tail = append(l.tail, b...)
	if bytes.Contains(l.tail, next.words) {
		l.loss, l.p.loss = next, nil
	}
	l.tail = l.tail[max(0, len(l.tail)-len(next.words)+1):]
	return false
}

// answer sees what the server sends.
func (l *loser) answer([]byte) (ends bool) {
	l.p.mu.Lock()
	lost := l.loss
	l.p.mu.Unlock()
	if lost != nil && lost.then != nil {
		lost.then()
	}
	return lost != nil
}

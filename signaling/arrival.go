package signaling

import (
	"bytes"
	"slices"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

const (
	// arrivalWait bounds how long events wait for a session that was announced.
	arrivalWait = 3 * time.Second
	// maxHeld and maxHeldBytes bound what waits: as much as is kept for a client
	// that is away. One that misses more starts anew.
	maxHeld      = 1024
	maxHeldBytes = 256 << 10
)

// arrival is a session that is about to be opened here. Guarded by moving.mu.
type arrival struct {
	device  string
	until   time.Time
	held    []letter
	bytes   int
	landing bool // in this moment: nobody waits for anything, and nothing is bounded
	late    bool // it has missed more than is kept: nothing is held for it any more
	ended   bool // by a back end, on the way
}

type letter struct {
	kind    presence.Kind
	payload []byte
}

// errMissed refuses a session that has missed too much since it was handed over.
var errMissed = wire.Errorf(wire.CodeUnavailable, "")

// expect says that a session is about to be opened which was another node's:
// what that node forwards from now on waits for it.
func (sw *Switchboard) expect(user, device string) {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.coming == nil {
		m.coming = map[string][]*arrival{}
	}
	m.coming[user] = append(m.coming[user], &arrival{device: device, until: time.Now().Add(arrivalWait)})
}

// hold keeps a payload back if a session of one of the users is about to arrive. It
// may have been held for one that has arrived: then it waits for the others.
func (sw *Switchboard) hold(was *arrival, kind presence.Kind, payload []byte, users ...string) bool {
	m := &sw.moving
	m.mu.Lock()
	a := m.awaitedLocked(was, users)
	if a == nil {
		m.mu.Unlock()
		return false
	}
	kept := a.keep(letter{kind, bytes.Clone(payload)})
	var held []letter
	if !kept {
		held = a.giveUp()
	}
	m.mu.Unlock()
	sw.release(held, a)
	return kept
}

// awaitedLocked is the first session of the users for which something is held, but
// for one.
func (m *moving) awaitedLocked(but *arrival, users []string) *arrival {
	if len(m.coming) == 0 {
		return nil
	}
	for _, u := range users {
		for _, a := range m.coming[u] {
			if a != but && !a.late {
				return a
			}
		}
	}
	return nil
}

// keep holds a letter; false: it is too much, or too late.
func (a *arrival) keep(l letter) bool {
	full := len(a.held) >= maxHeld || a.bytes+len(l.payload) > maxHeldBytes
	if !a.landing && (full || time.Now().After(a.until)) {
		return false
	}
	a.held = append(a.held, l)
	a.bytes += len(l.payload)
	return true
}

// giveUp lets a session miss what it was waited for with. If it is in the hub it
// gets that all the same, by its link, which has bounds of its own.
func (a *arrival) giveUp() (held []letter) {
	a.late = true
	return a.empty()
}

func (a *arrival) empty() (held []letter) {
	held, a.held, a.bytes = a.held, nil, 0
	return held
}

// endComing makes sessions end that are about to arrive, and counts them.
func (sw *Switchboard) endComing(user, device string) (n int) {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.coming[user] {
		if a.device == device && !a.ended {
			a.ended = true
			n++
		}
	}
	return n
}

// comes says that a session is on its way, or is landing; false: it has missed too
// much, and is not waited for any more. One that a back end has ended need not know.
func (sw *Switchboard) comes(user, device string, landing bool) bool {
	m := &sw.moving
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.indexLocked(user, device)
	if i < 0 {
		return true
	}
	a := m.coming[user][i]
	if a.late && !a.ended {
		m.dropLocked(user, i)
		return false
	}
	a.landing = landing
	return true
}

// arrivedHere ends the wait for a session and hands it what was held. ended: a back
// end has ended it meanwhile.
func (sw *Switchboard) arrivedHere(user, device string) (ended bool) {
	m := &sw.moving
	for {
		m.mu.Lock()
		i := m.indexLocked(user, device)
		if i < 0 {
			m.mu.Unlock()
			return ended
		}
		a := m.coming[user][i]
		a.landing = true // one lot follows the other
		held := a.empty()
		ended = a.ended
		if len(held) == 0 {
			m.dropLocked(user, i)
		}
		m.mu.Unlock()
		if len(held) == 0 {
			return ended
		}
		sw.release(held, a)
	}
}

func (m *moving) indexLocked(user, device string) int {
	return slices.IndexFunc(m.coming[user], func(a *arrival) bool { return a.device == device })
}

func (m *moving) dropLocked(user string, i int) {
	if list := slices.Delete(m.coming[user], i, i+1); len(list) > 0 {
		m.coming[user] = list
	} else {
		delete(m.coming, user)
	}
}

// giveUpLocked holds nothing any more for sessions that did not come in time. One
// that comes nevertheless finds out, for as long again.
func (m *moving) giveUpLocked(now time.Time) (held []letter) {
	for user, list := range m.coming {
		for i := len(list) - 1; i >= 0; i-- {
			a := list[i]
			if now.After(a.until) && len(a.held) > 0 {
				held = append(held, a.giveUp()...)
			}
			if now.After(a.until.Add(arrivalWait)) {
				m.dropLocked(user, i)
			}
		}
	}
	return held
}

// release handles what was held back for a session.
func (sw *Switchboard) release(held []letter, was *arrival) {
	if len(held) == 0 {
		return
	}
	t := sw.newTurn()
	defer t.end()
	for _, l := range held {
		var err error
		if l.kind == kindCall {
			err = sw.receiveCall(t, was, l.payload)
		} else {
			err = sw.receiveEvent(t, was, l.payload)
		}
		if err != nil {
			sw.log.Warn("what was held for a session can not be used", "error", err)
		}
	}
}

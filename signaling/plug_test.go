package signaling

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/signaling/call"
)

// plug is a store that can be pulled out: then its node is dead to the others,
// or can not reach what they share.
type plug struct {
	presence.Store
	mu   sync.Mutex
	dead bool // nothing it does reaches anybody: as after kill -9
	away bool // what the nodes share is not reachable
	slow bool // it has not come to look for dead nodes yet
	// suspending is called, once, when a session is suspended.
	suspending func()
	// looking is called, once, when somebody asks where the user b is.
	looking func()
	// saving is called, once, before a call is saved, sending before something is
	// sent to sessions on another node.
	saving, sending func()
	// hidden is a user whose sessions are not known before the next Save.
	hidden string
}

// unnoticed pulls a node out for good whose death nobody comes to notice, though
// its lease is over, until noticed is called.
func unnoticed(w *world, plugs []*plug, dead int) (noticed func()) {
	slow := func(v bool) {
		for _, p := range plugs {
			p.mu.Lock()
			p.slow = v
			p.mu.Unlock()
		}
	}
	slow(true)
	plugs[dead].set(true, false)
	w.pass(6 * time.Second) // a lease
	return func() {
		slow(false)
		w.pass(2 * time.Second)
	}
}

func (p *plug) set(dead, away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead, p.away = dead, away
}

func (p *plug) onSend(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sending = f
}

func (p *plug) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead || p.away {
		return presence.ErrUnavailable
	}
	return nil
}

func (p *plug) Renew(ctx context.Context) error {
	if err := p.err(); err != nil {
		return err
	}
	return p.Store.Renew(ctx)
}

func (p *plug) Sweep(ctx context.Context) error {
	if err := p.err(); err != nil {
		return err
	}
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	if slow {
		return nil
	}
	return p.Store.Sweep(ctx)
}

func (p *plug) Due(ctx context.Context, n int) ([]string, error) {
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.Store.Due(ctx, n)
}

func (p *plug) Save(ctx context.Context, c *call.Call, was uint64) error {
	if err := p.err(); err != nil {
		return err
	}
	defer p.hide("")
	p.once(&p.saving)
	return p.Store.Save(ctx, c, was)
}

// once calls what is to be called, this time only.
func (p *plug) once(hook *func()) {
	p.mu.Lock()
	f := *hook
	*hook = nil
	p.mu.Unlock()
	if f != nil {
		f()
	}
}

func (p *plug) hide(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hidden = user
}

func (p *plug) Routes(ctx context.Context, user string) ([]presence.Session, error) {
	p.mu.Lock()
	hidden := user == p.hidden
	var f func()
	if user == "b" {
		f, p.looking = p.looking, nil
	}
	p.mu.Unlock()
	if f != nil {
		f()
	}
	if hidden {
		return nil, nil
	}
	return p.Store.Routes(ctx, user)
}

func (p *plug) CallsOf(ctx context.Context, user string) ([]string, error) {
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.Store.CallsOf(ctx, user)
}

func (p *plug) Online(ctx context.Context, cursor string, limit int) (presence.Page, error) {
	if err := p.err(); err != nil {
		return presence.Page{}, err
	}
	return p.Store.Online(ctx, cursor, limit)
}

func (p *plug) Suspend(ctx context.Context, user, id string) error {
	if err := p.err(); err != nil {
		return err
	}
	p.once(&p.suspending)
	return p.Store.Suspend(ctx, user, id)
}

func (p *plug) Send(to presence.Peer, k presence.Kind, l presence.Lane, b []byte, done func(error)) error {
	if err := p.err(); err != nil {
		return err
	}
	var f func()
	if k == kindCall || k == kindEvent {
		p.mu.Lock()
		f, p.sending = p.sending, nil
		p.mu.Unlock()
	}
	if f != nil {
		f()
	}
	return p.Store.Send(to, k, l, b, done)
}

// playPlugged is play on three nodes that can be pulled out. Devices go round:
// the first one joins node 1, the next node 2, then node 0.
func playPlugged(t *testing.T, f func(w *world, plugs []*plug)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var plugs []*plug
		w := newWorldOf(t, 3, func(s *setup) {
			s.CallsPerMinute, s.EventRate = 1<<20, 1e9
			s.wrap = func(st presence.Store) presence.Store {
				p := &plug{Store: st}
				plugs = append(plugs, p)
				return p
			}
		})
		f(w, plugs)
	})
}

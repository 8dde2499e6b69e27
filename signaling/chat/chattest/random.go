package chattest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// step is one thing that a writer does; which message it is about is found by
// pick among those that exist by then.
type step struct {
	what, node int
	from, to   int
	pick       int
}

// randomJournal: several writers on two nodes, readers who lose their
// connection at random and read on from their cursor, on any node. In the end
// each knows exactly what the store holds, and was told nothing twice (M3).
func randomJournal(t *testing.T, w Open) {
	stores := []chat.Store{open(t, w), open(t, w)}
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		users := make([]string, 3)
		for i := range users {
			users[i] = fmt.Sprintf("u%d-%d", round, i)
		}
		plan := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawStep), 1, 12), 2, 4).Draw(r, "writers")
		seed := rapid.Uint64().Draw(r, "seed")
		world := &journalWorld{stores: stores, users: users, done: make(chan struct{})}
		if err := world.run(plan, seed); err != nil {
			r.Fatal(err)
		}
	})
}

func drawStep(r *rapid.T) step {
	from := rapid.IntRange(0, 2).Draw(r, "from")
	return step{
		what: rapid.IntRange(0, 9).Draw(r, "what"),
		node: rapid.IntRange(0, 1).Draw(r, "node"),
		from: from,
		to:   (from + rapid.IntRange(1, 2).Draw(r, "to")) % 3,
		pick: rapid.IntRange(0, 99).Draw(r, "pick"),
	}
}

type journalWorld struct {
	stores []chat.Store
	users  []string
	done   chan struct{}   // closed when nobody writes any more
	wake   []chan struct{} // one for each reader

	mu     sync.Mutex
	added  []*chat.Message
	serial int
}

func (w *journalWorld) run(plan [][]step, seed uint64) error {
	errs := make(chan error, len(plan)+len(w.users)+1)
	var writers, readers sync.WaitGroup
	var devices []*device
	for i := range cap(errs) - len(plan) {
		d := newDevice(w.users[i%len(w.users)])
		devices = append(devices, d)
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		wake := make(chan struct{}, 1)
		w.wake = append(w.wake, wake)
		readers.Go(func() { errs <- w.read(d, wake, rnd) })
	}
	for _, steps := range plan {
		writers.Go(func() { errs <- w.write(steps) })
	}
	writers.Wait()
	close(w.done)
	readers.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	ids := make([]string, 0, len(w.added))
	for _, m := range w.added {
		ids = append(ids, m.ID)
	}
	for _, user := range w.users { // and somebody who comes after all
		d := newDevice(user)
		if err := d.drain(w.stores[1], 3); err != nil {
			return err
		}
		devices = append(devices, d)
	}
	for _, d := range devices {
		if err := d.agrees(w.stores[0], ids); err != nil {
			return err
		}
		c, err := w.stores[0].Changes(context.Background(), d.user, d.cursor, 10)
		if err != nil {
			return err
		}
		if len(c.Messages)+len(c.Receipts)+len(c.Deleted) > 0 || c.More {
			return fmt.Errorf("after the end, %s is told %+v", d.user, c)
		}
	}
	return nil
}

// read reads a page whenever something was written; some of them get lost.
func (w *journalWorld) read(d *device, wake chan struct{}, rnd *rand.Rand) error {
	for {
		select {
		case <-w.done:
			return d.drain(w.stores[rnd.IntN(2)], 1+rnd.IntN(5))
		case <-wake:
		}
		if _, err := d.page(w.stores[rnd.IntN(2)], 1+rnd.IntN(5), rnd.IntN(4) == 0); err != nil {
			return err
		}
	}
}

func (w *journalWorld) write(steps []step) error {
	for _, st := range steps {
		if err := w.step(st); err != nil && !errors.Is(err, chat.ErrNotFound) {
			return err
		}
		for _, wake := range w.wake {
			select {
			case wake <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

// step never leaves a message looking as it did before: the readers' check for
// duplicates goes by looks.
func (w *journalWorld) step(st step) error {
	ctx, s := context.Background(), w.stores[st.node]
	w.mu.Lock()
	w.serial++
	unique := strconv.Itoa(w.serial)
	var m *chat.Message
	if len(w.added) > 0 {
		m = w.added[st.pick%len(w.added)]
	}
	w.mu.Unlock()
	if m == nil || st.what < 3 {
		got, _, err := s.Add(ctx, chat.Message{Sender: w.users[st.from], Receiver: w.users[st.to], Text: unique})
		if err == nil {
			w.mu.Lock()
			w.added = append(w.added, got)
			w.mu.Unlock()
		}
		return err
	}
	var err error
	switch st.what {
	case 3:
		_, _, err = s.Mark(ctx, m.Receiver, m.ID, chat.Delivered)
	case 4:
		_, _, err = s.Mark(ctx, m.Receiver, m.ID, chat.Seen)
	case 5:
		_, err = s.MarkAll(ctx, m.Receiver, m.Sender)
	case 6:
		_, _, err = s.Update(ctx, m.ID, chat.Config{MaxText: 100, MaxEdits: 1}.EditText(m.Sender, unique, m.Created))
	case 7:
		_, _, err = s.Update(ctx, m.ID, chat.Toggle(m.Receiver, unique))
	case 8:
		hider := m.Sender
		if st.pick%2 == 0 {
			hider = m.Receiver
		}
		_, _, err = s.Update(ctx, m.ID, chat.HideFor(hider))
	case 9:
		_, err = s.Remove(ctx, m.ID, chat.MayDelete(m.Sender))
	}
	return err
}

package signaling

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// How far messages have come: the server's own receipts (M2), and the order in
// which authors hear of all of them. What the store says first is not what is
// told first by itself: a reader looks at a message while the receipt of its
// delivery is being written.

const (
	// maxReceipts bounds what waits to be marked as delivered by the server in one
	// lane, and maxAwayReceipts for one session that is away. What is beyond is
	// marked by the device, or when it asks for what it missed.
	maxReceipts     = 1024
	maxAwayReceipts = 256
)

// receipt names a message that a device of its reader has.
type receipt struct{ id, author, reader string }

// statusLane is where all that concerns the messages from one user to another
// passes. A goroutine that is there while there is something to do marks
// messages in their order.
type statusLane struct {
	// telling is held while an author is told, which may have to wait until it is
	// known where the author is. What other nodes bring does not take it.
	telling sync.Mutex
	seen    uint64 // counts what authors were told to be seen

	mu      sync.Mutex
	queue   []receipt
	running bool
}

func (sw *Switchboard) statusLane(author, reader string) *statusLane {
	var h maphash.Hash
	h.SetSeed(sw.hub.seed)
	_, _ = h.WriteString(author) // never fails
	_ = h.WriteByte(0)
	_, _ = h.WriteString(reader)
	return &sw.statuses[h.Sum64()%uint64(len(sw.statuses))]
}

// told returns a mark in time: tellStatus with it knows whether anything was said
// to be seen since.
func (l *statusLane) told() uint64 {
	l.telling.Lock()
	defer l.telling.Unlock()
	return l.seen
}

// delivered is called when a message was queued for the devices that the reader
// has on this node, or for one of them. If one is connected it is marked; one that
// is away has it when it is back.
func (sw *Switchboard) delivered(r receipt, device string) {
	live := false
	for _, s := range sw.hub.of(r.reader) {
		if device == "" || device == s.device {
			live = s.gets(r) || live
		}
	}
	if live {
		sw.markSoon(r)
	}
}

// gets reports whether the client is connected; one that is away is taken to
// have the message when it is back.
func (s *Session) gets(r receipt) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == away && len(s.receipts) < maxAwayReceipts {
		s.receipts = append(s.receipts, r)
	}
	return s.state == live
}

// gotAll marks what the client has got by coming back.
func (s *Session) gotAll() {
	s.mu.Lock()
	list := s.receipts
	s.receipts = nil
	s.mu.Unlock()
	for _, r := range list {
		s.sw.markSoon(r)
	}
}

// gotList takes messages that were sent to a reader who asked for them.
func (sw *Switchboard) gotList(reader string, list []*chat.Message) {
	for _, m := range list {
		if m.Receiver == reader && m.Status == chat.Sent {
			sw.markSoon(receipt{m.ID, m.Sender, reader})
		}
	}
}

// markSoon is the server's own receipt.
func (sw *Switchboard) markSoon(r receipt) {
	l := sw.statusLane(r.author, r.reader)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= maxReceipts {
		sw.metrics.dropped.Inc()
		return
	}
	l.queue = append(l.queue, r)
	if !l.running {
		l.running = true
		sw.soon(func() { sw.markQueued(l) })
	}
}

func (sw *Switchboard) markQueued(l *statusLane) {
	for list := l.take(); len(list) > 0; list = l.take() {
		sw.markDelivered(list, l.told())
	}
}

// maxTogether is how many receipts are marked at once.
const maxTogether = 64

// take gives the first receipts of the queue that are of one author and reader;
// none if there is nothing left to do.
func (l *statusLane) take() []receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.queue, l.running = nil, false
		return nil
	}
	n := 1
	for n < min(len(l.queue), maxTogether) && l.queue[n].author == l.queue[0].author && l.queue[n].reader == l.queue[0].reader {
		n++
	}
	list := l.queue[:n:n]
	l.queue = l.queue[n:]
	return list
}

// markDelivered marks messages of one author and reader.
func (sw *Switchboard) markDelivered(list []receipt, told uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.id
	}
	rose, err := sw.chat.MarkDelivered(ctx, list[0].reader, ids)
	if err != nil {
		sw.log.Debug("messages were not marked as delivered", "first", ids[0], "messages", len(ids), "error", err)
		return
	}
	if len(rose) > 0 {
		sw.inTurnOf(ctx, func(ctx context.Context, t *turn) {
			for _, m := range rose {
				sw.tellStatus(ctx, t, m, told, nil)
			}
		})
	}
}

// tellStatus tells the author of a message, on all devices, how far it has come.
// told is from before the store was asked. If something was said to be seen
// meanwhile, that may have been this message: who says so is the last to speak.
// That it is seen the reader's other devices hear too, which count what is not.
func (sw *Switchboard) tellStatus(ctx context.Context, t *turn, m *chat.Message, told uint64, by *Session) {
	o := newObject(nil)
	o.str("messageId", m.ID)
	o.str("status", m.Status.String())
	ev := eventOf(wire.MessageStatusUpdated, o.end())
	l := sw.statusLane(m.Sender, m.Receiver)
	for {
		l.telling.Lock()
		if m.Status == chat.Seen || l.seen == told {
			if m.Status == chat.Seen {
				l.seen++
			}
			sw.tellUser(ctx, t, m.Receiver, m.Sender, ev, everyDevice, nil)
			if m.Status == chat.Seen && m.Sender != m.Receiver {
				sw.tellUser(ctx, t, "", m.Receiver, ev, extendedDevices, by)
			}
			l.telling.Unlock()
			return
		}
		told = l.seen
		l.telling.Unlock()
		now, err := sw.chat.Get(ctx, m.ID)
		if err != nil || now.Status > m.Status {
			return // it is gone, or is told to be seen
		}
	}
}

// tellAllSeen tells an author, and the reader's other devices, that the reader has
// seen everything.
func (sw *Switchboard) tellAllSeen(ctx context.Context, t *turn, author, reader string, by *Session) {
	l := sw.statusLane(author, reader)
	l.telling.Lock()
	defer l.telling.Unlock()
	l.seen++
	ev := eventOf(wire.AllMessageStatusUpdated, allSeen(author, reader))
	sw.tellUser(ctx, t, reader, author, ev, everyDevice, nil)
	if author != reader {
		sw.tellUser(ctx, t, "", reader, ev, extendedDevices, by)
	}
}

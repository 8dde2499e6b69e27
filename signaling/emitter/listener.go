package emitter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Board is the switchboard of this node.
type Board interface {
	// HasRoom reports whether a session of this node is in the room.
	HasRoom(name string) bool
	// EmitToRooms and EndRooms return how many sessions were told or ended.
	EmitToRooms(to signaling.Audience, ev *wire.Event) int
	EndRooms(to signaling.Audience) int
}

// Subscriber is a client of Redis, whichever kind: a Cluster passes what is
// published on to all its servers.
type Subscriber interface {
	PSubscribe(ctx context.Context, patterns ...string) *goredis.PubSub
}

// Listener hears what is published and tells the sessions of this node.
type Listener struct {
	cfg    Config
	redis  Subscriber
	board  Board
	stats  *metrics
	logged map[string]bool // owned by Run: of what can not be done, once each
}

// New checks the configuration. Run does the work.
func New(cfg Config, redis Subscriber, board Board, stats Registerer) (*Listener, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Listener{cfg: cfg, redis: redis, board: board, stats: newMetrics(stats), logged: map[string]bool{}}, nil
}

// Waits before the subscription is tried again.
const (
	firstWait = 100 * time.Millisecond
	maxWait   = 2 * time.Second
)

// Run listens until ctx ends, through every outage of Redis.
func (l *Listener) Run(ctx context.Context) {
	wait, away := firstWait, false
	for ctx.Err() == nil {
		err := l.listen(ctx, func() {
			if away {
				l.cfg.Logger.Info("hears again what back ends publish on Redis")
			}
			wait, away = firstWait, false
		})
		if ctx.Err() != nil {
			return
		}
		if !away {
			l.cfg.Logger.Warn("what back ends publish on Redis is not heard until it is back", "error", err)
			away = true
		}
		// The client of a Cluster looks for a new master only when a command fails,
		// and it has none.
		if c, ok := l.redis.(interface{ ReloadState(context.Context) }); ok {
			c.ReloadState(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

// listen subscribes and handles what comes until the subscription breaks; up is
// called when it stands.
func (l *Listener) listen(ctx context.Context, up func()) error {
	sub := l.redis.PSubscribe(ctx, l.cfg.pattern())
	defer func() { _ = sub.Close() }() // also if it was never there
	// A read is not ended by its context.
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	if err := sub.Subscribe(ctx, l.cfg.requests()); err != nil {
		return err
	}
	defer l.stats.up.Set(0)
	asked, stands := false, 0
	for {
		limit := l.cfg.Idle
		if asked || stands < 2 {
			limit = l.cfg.Timeout
		}
		msg, err := sub.ReceiveTimeout(ctx, limit)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
		case !errors.As(err, &timeout) || !timeout.Timeout() || asked || stands < 2:
			return err
		default:
			if err := sub.Ping(ctx); err != nil {
				return err
			}
			asked = true
			continue
		}
		switch msg := msg.(type) {
		case *goredis.Subscription:
			if stands++; stands == 2 {
				l.stats.up.Set(1)
				up()
			}
		case *goredis.Message:
			l.handle(msg.Channel, msg.Payload)
		}
	}
}

// handle takes one message.
func (l *Listener) handle(channel, payload string) {
	if len(payload) > l.cfg.MaxMessage {
		l.refused("size", "a message of a back end is too large and was not delivered", "bytes", len(payload), "limit", l.cfg.MaxMessage)
		return
	}
	if channel == l.cfg.requests() {
		l.request([]byte(payload))
		return
	}
	room, ok := strings.CutPrefix(channel, l.cfg.events())
	if !ok {
		return
	}
	if room, ok = strings.CutSuffix(room, "#"); ok && !l.board.HasRoom(room) {
		l.stats.count(outcomeNobody) // without a look: most of what a node hears is for others
		return
	}
	p, err := decode([]byte(payload))
	if errors.Is(err, ErrNamespace) {
		return
	}
	if err != nil {
		l.refused(fmt.Sprint(err), "a message of a back end was not delivered", "channel", channel, "error", err)
		return
	}
	if l.board.EmitToRooms(p.to, p.event) == 0 {
		l.stats.count(outcomeNobody)
		return
	}
	l.stats.count(outcomeDelivered)
}

// request does what is asked of servers, as far as Tandem knows it.
func (l *Listener) request(payload []byte) {
	r, err := decodeRequest(payload)
	switch {
	case err != nil:
		l.refused(fmt.Sprint(err), "a request of a back end was ignored", "error", err)
	case r.Type != requestDisconnect:
		name := requestName(r.Type)
		l.refused(name, "a request of a back end was ignored: rooms are user ids, and servers of Socket.IO are asked nothing here", "request", name)
	case l.board.EndRooms(r.audience()) == 0:
		l.stats.count(outcomeNobody)
	default:
		l.stats.count(outcomeDelivered)
	}
}

// maxLogged bounds how many kinds of trouble are logged.
const maxLogged = 20

// refused counts what is not delivered and logs each kind of it once.
func (l *Listener) refused(kind, msg string, args ...any) {
	l.stats.count(outcomeRefused)
	if !l.logged[kind] && len(l.logged) < maxLogged {
		l.logged[kind] = true
		l.cfg.Logger.Warn(msg, args...)
	}
}

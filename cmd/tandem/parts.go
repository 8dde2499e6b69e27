package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/presence/redis"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/jsonws"
	"github.com/tandem-rtc/tandem/signaling/permit"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/sio"
	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	"github.com/tandem-rtc/tandem/signaling/wheel"
	"github.com/tandem-rtc/tandem/signaling/wsconn"
	"github.com/tandem-rtc/tandem/web"
)

// deps is what the parts are built from.
type deps struct {
	ctx      context.Context // ends when the app is closed
	cfg      Config
	log      *slog.Logger
	verifier *auth.Verifier
	origins  *auth.Origins
	registry *prometheus.Registry
}

// switchboard is the life of what buildParts made.
type switchboard interface {
	// Drain asks clients to go elsewhere and returns when all are gone or ctx
	// ends (its error says who is left).
	Drain(ctx context.Context) error
	// Close ends every session and waits for its goroutines.
	Close() error
	// nodeName is how the node calls itself in its cluster.
	nodeName() string
}

// board is the switchboard with its dialects and timers.
type board struct {
	name      string
	clustered bool
	calm      context.CancelFunc // ends the steward
	done      sync.WaitGroup
	wheel     *wheel.Wheel
	sw        *signaling.Switchboard
	io        *sio.Server
	ws        *jsonws.Server

	peers        *web.Peers    // nil: there are no other nodes
	assembled    chan struct{} // closed when sw is there
	store        *redis.Store
	peerListener net.Listener

	chat    *meteredStore // nil: messages are not kept
	permits *permit.Asker // nil: everybody may
	push    *push.Service // nil: nobody is woken

	webhooks  *webhook.Sender // nil: nobody wants them
	notifiers []signaling.Notifier
}

// buildParts makes the switchboard and its two dialects. It is the one place
// where parts are wired together. Verifier and Registry of web.Parts are filled
// in by Open.
func buildParts(d deps) (_ web.Parts, _ switchboard, err error) {
	ctx, calm := context.WithCancel(d.ctx)
	b := &board{calm: calm, assembled: make(chan struct{})}
	b.done.Go(func() { new(steward).run(ctx) })
	defer func() {
		if err != nil {
			_ = b.Close()
		}
	}()
	if b.chat, err = d.cfg.openChat(d); err != nil {
		return web.Parts{}, nil, err
	}
	if err := b.openPermits(d); err != nil {
		return web.Parts{}, nil, err
	}
	if err := b.openWebhooks(d); err != nil {
		return web.Parts{}, nil, err
	}
	b.wheel = wheel.New(wheel.Config{Tick: tickFor(d.cfg)})
	b.name, b.clustered = d.cfg.nodeName(), d.cfg.Clustered()
	key, err := d.cfg.clusterKey()
	if err != nil {
		return web.Parts{}, nil, err
	}
	if err := b.openPush(d, key); err != nil {
		return web.Parts{}, nil, err
	}
	addr, err := b.openPeers(d, key)
	if err != nil {
		return web.Parts{}, nil, err
	}
	b.sw, err = signaling.New(d.cfg.signaling(d.log), signaling.Parts{
		Wheel: b.wheel, Verify: d.verifier.Verify, Metrics: signaling.NewMetrics(d.registry), Chat: b.messages(), Profiles: b.profiles(), LiveCalls: b.liveCalls(),
		Permits: b.asker(), Wakes: b.wakes(),

		Notifiers: b.notifiers,
	}, b.join(d, addr))
	if err != nil {
		return web.Parts{}, nil, err
	}
	dialect := d.cfg.socketio(b.wheel)
	if b.peers != nil {
		dialect.Engine.Unknown = b.peers.Forward
	}
	b.io, err = sio.NewServer(sio.Config{IO: dialect, Verifier: d.verifier, Origins: d.origins, Key: key, Logger: d.log}, b.sw)
	if err != nil {
		return web.Parts{}, nil, err
	}
	plain := d.cfg.jsonws(d, b.wheel, b.name)
	plain.Key = key
	b.ws, err = jsonws.NewServer(plain, b.sw)
	if err != nil {
		return web.Parts{}, nil, err
	}
	b.servePeers(d.log)
	if err = b.hearEmitters(ctx, d); err != nil {
		return web.Parts{}, nil, err
	}
	b.expireChat(ctx, d)
	b.expireSubscriptions(ctx, d)
	return web.Parts{SocketIO: b.io, WS: b.ws, Online: b.sw, Chat: b.sw, Calls: b.sw, Blocks: b.sw, Backend: b.sw, Push: b.pushRoutes(), Ready: b.ready}, b, nil
}

func (b *board) ready() (string, bool, map[string]string) {
	status := "ready"
	detail := map[string]string{"node": b.name, "sessions": strconv.Itoa(b.sw.Sessions()), "presence": "memory", "chat": "off"}
	if b.chat != nil {
		var well bool
		if detail["chat"], well = b.chat.state(); !well {
			status = "degraded" // calls go on
		}
	}
	if !b.clustered {
		return status, true, detail
	}
	detail["presence"] = "redis"
	detail["nodes"] = strconv.Itoa(b.sw.Nodes())
	if why := b.sw.Degraded(); why != "" {
		// What is local goes on: taking all nodes out of a load balancer because
		// Redis is away would end that too (P7).
		detail["presence"] = why
		return "degraded", true, detail
	}
	return status, true, detail
}

// Drain tells clients that this server goes away, and sends them to other nodes
// spread over half of the time that there is; their sessions follow them. A node
// that is alone does not wait: there is nowhere to go, and nothing outlives it.
func (b *board) Drain(ctx context.Context) error {
	within := time.Duration(0)
	if deadline, ok := ctx.Deadline(); ok {
		within = time.Until(deadline)
	}
	if !b.clustered || b.sw.Nodes() < 2 || b.sw.Degraded() != "" {
		b.sw.Drain(within)
		return nil
	}
	window := within / 2
	b.sw.Drain(window)
	var going sync.WaitGroup
	going.Go(func() { b.io.Drain(ctx, window) })
	going.Go(func() { b.ws.Drain(ctx, window) })
	going.Go(func() { b.peers.Drain(ctx) })
	going.Wait()
	if left := b.sw.WaitEmpty(ctx); left > 0 {
		return fmt.Errorf("%d sessions were not taken by another node; their calls wait for them there", left)
	}
	return nil
}

// Close ends every session and waits.
func (b *board) Close() error {
	if b.sw != nil {
		b.sw.Leave()
	}
	if b.permits != nil { // before those who wait for its answer
		b.permits.Close()
	}
	if b.ws != nil {
		b.ws.Close()
	}
	if b.io != nil {
		b.io.Close()
	}
	b.closePeers()
	if b.sw != nil {
		b.sw.Close()
	}
	if b.push != nil {
		b.push.Close()
	}
	if b.wheel != nil {
		b.wheel.Close()
	}
	b.calm()
	b.done.Wait()
	err := b.closeWebhooks() // what ends on the way is told
	if b.chat != nil {       // and logged
		err = errors.Join(err, b.chat.Close())
	}
	return err
}

// statusPause is for pages that send messages over REST: a browser hands them what
// the socket says before the answer to their request, though that was there first.
// Where no messages are kept there are no such requests.
func (c Config) statusPause() time.Duration {
	if c.noChat() != "" {
		return 0
	}
	return 200 * time.Millisecond
}

// tickFor chooses how fine timers have to be: a twentieth of the shortest time
// that is set, within 5 to 50 ms.
func tickFor(c Config) time.Duration {
	shortest := min(c.Liveness.PingInterval, c.Liveness.PingTimeout, c.Calls.CallPingInt, c.Calls.CallPingTimeout,
		c.Presence.TypingExpiry, c.Liveness.HandshakeTimeout)
	if c.Calls.ResumeWindow > 0 {
		shortest = min(shortest, c.Calls.ResumeWindow)
	}
	return min(max(shortest/20, 5*time.Millisecond), 50*time.Millisecond)
}

// signaling is the part that is about calls and presence.
func (c Config) signaling(log *slog.Logger) signaling.Config {
	rules := call.DefaultConfig()
	rules.RingTimeout, rules.OfflineRing = c.Calls.RingTimeout, c.offlineRing()
	rules.ResumeWindow, rules.CallWaiting = c.Calls.ResumeWindow, c.Calls.CallWaiting
	tick := min(200*time.Millisecond, max(c.Calls.RingTimeout/20, 10*time.Millisecond))
	return signaling.Config{
		ICEServers: iceServers(c.Calls.ICEServer),
		Call:       rules, PresenceInterval: c.Presence.PresenceInterval, PresenceLimit: c.Presence.PresenceBroadcastLimit,
		CallPing: c.Calls.CallPingInt, CallPingTimeout: c.Calls.CallPingTimeout,
		TypingExpiry: c.Presence.TypingExpiry, TypingRate: c.Presence.TypingRate, TypingBurst: int(2*c.Presence.TypingRate) + 1,
		EventRate: c.Limits.EventsRate, EventBurst: c.Limits.EventsBurst,
		CallsPerMinute: c.Limits.CallsPerMinute, SessionsPerUser: c.Limits.SessionsPerUser,
		TokenLeeway: c.Identity.TokenLeeway, ProfileFields: c.Identity.ProfileFields, Tick: tick, Logger: log,
		Renew: min(time.Second, c.Cluster.NodeLease/4), HistoryLimit: c.Chat.HistoryLimit,
		StatusPause: c.statusPause(),
		WakeRing:    c.wakeRing(),
	}
}

// iceServers is the list as RTCIceServer objects (W3C WebRTC §4.2.4).
func iceServers(urls []string) json.RawMessage {
	if len(urls) == 0 {
		return nil
	}
	b, err := json.Marshal([]map[string]any{{"urls": urls}})
	if err != nil { // strings always encode
		return nil
	}
	return b
}

// socketio is the part that is about the Socket.IO dialect.
func (c Config) socketio(w *wheel.Wheel) socketio.Config {
	return socketio.Config{
		ConnectTimeout: c.Liveness.HandshakeTimeout,
		Engine: engine.Config{
			PingInterval: c.Liveness.PingInterval, PingTimeout: c.Liveness.PingTimeout, MaxPayload: c.Limits.MaxPayload,
			MaxQueue: c.Limits.MaxQueue, MaxHandshakes: c.Limits.MaxPending, Wheel: w,
		},
		// A device that missed more than this starts anew; what its call needs is
		// kept with the call.
		Recovery: socketio.Recovery{Window: c.Calls.ResumeWindow, MaxBytes: 64 << 10},
	}
}

// jsonws is the part that is about the plain dialect.
func (c Config) jsonws(d deps, w *wheel.Wheel, node string) jsonws.Config {
	return jsonws.Config{
		WS:           wsconn.Config{MaxMessage: c.Limits.MaxPayload, MaxQueue: c.Limits.MaxQueue, Logger: d.log},
		PingInterval: c.Liveness.PingInterval, PingTimeout: c.Liveness.PingTimeout, HandshakeTimeout: c.Liveness.HandshakeTimeout,
		MaxHandshakes: c.Limits.MaxPending, ResumeWindow: c.Calls.ResumeWindow, Node: node,
		Verifier: d.verifier, Origins: d.origins, Wheel: w, Logger: d.log,
	}
}

func (b *board) nodeName() string { return b.name }

package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/presence/redis"
	"github.com/tandem-rtc/tandem/signaling/emitter"
	"github.com/tandem-rtc/tandem/web"
)

// Clustered reports whether this node is one of many.
func (c Config) Clustered() bool { return c.Servers.RedisURL != "" }

// checkCluster checks what only a node of many needs.
func (c Config) checkCluster() error {
	if !c.Clustered() {
		if c.Cluster.RedisEmitter {
			return errors.New("--redis-emitter needs REDIS_URL: back ends publish there")
		}
		if c.Cluster.NodeName != "" && !redis.ValidNodeName(c.Cluster.NodeName) {
			return fmt.Errorf("--node-name %q: use letters, digits, dots, hyphens and underscores, at most 64", c.Cluster.NodeName)
		}
		return nil
	}
	if err := redis.CheckURL(c.Servers.RedisURL.Reveal()); err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	if c.Cluster.NodeName != "" && !redis.ValidNodeName(c.Cluster.NodeName) {
		return fmt.Errorf("--node-name %q: use letters, digits, dots, hyphens and underscores, at most 64", c.Cluster.NodeName)
	}
	if c.Cluster.ClusterSecret == "" && c.Identity.JWTSecret == "" {
		return errors.New("with REDIS_URL nodes have to prove themselves to each other: set CLUSTER_SECRET to the same long random text on all of them " +
			"(it is derived from JWT_SECRET where that is set)")
	}
	if _, _, err := net.SplitHostPort(c.Cluster.ClusterListen); err != nil {
		return fmt.Errorf("--cluster-listen %q is not HOST:PORT", c.Cluster.ClusterListen)
	}
	if a := c.Cluster.ClusterAdvertise; a != "" {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "0" {
			return fmt.Errorf("--cluster-advertise %q is not HOST:PORT", a)
		}
	}
	if err := emitter.CheckKey(c.Cluster.RedisEmitterKey); err != nil {
		return fmt.Errorf("--redis-emitter-key: %w", err)
	}
	if c.Cluster.NodeLease <= 2*c.Cluster.RedisTimeout {
		return errors.New("--node-lease has to be more than twice --redis-timeout: a slow answer would count as a dead node")
	}
	return nil
}

// clusterKey is what nodes prove themselves with, and what resume tokens are
// sealed with, so that any node can read which device a client was.
func (c Config) clusterKey() ([]byte, error) {
	if c.Cluster.ClusterSecret == "" && c.Identity.JWTSecret == "" {
		key := make([]byte, 32) // alone: good for the life of the process
		_, _ = rand.Read(key)   // never fails
		return key, nil
	}
	if c.Cluster.ClusterSecret != "" {
		return hkdf.Key(sha256.New, []byte(c.Cluster.ClusterSecret.Reveal()), nil, "tandem cluster", 32)
	}
	return hkdf.Key(sha256.New, []byte(c.Identity.JWTSecret.Reveal()), nil, "tandem cluster", 32)
}

// nodeName is how this node calls itself.
func (c Config) nodeName() string {
	if c.Cluster.NodeName != "" {
		return c.Cluster.NodeName
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "tandem"
	}
	if !c.Clustered() {
		return name
	}
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	name = strings.Map(func(r rune) rune {
		if redis.ValidNodeName(string(r)) {
			return r
		}
		return '-'
	}, name)
	return fmt.Sprintf("%.48s-%s", name, strings.ToLower(base32.StdEncoding.EncodeToString(b[:])))
}

// openPeers listens for requests that other nodes pass on (P9), before they hear
// of this one, and says where. What comes waits until servePeers.
func (b *board) openPeers(d deps, key []byte) (addr string, err error) {
	if !b.clustered {
		return "", nil
	}
	key, err = hkdf.Key(sha256.New, key, nil, "tandem peers", 32)
	if err != nil {
		return "", err
	}
	poll := d.cfg.Liveness.PingInterval + d.cfg.Liveness.PingTimeout
	b.peers, err = web.NewPeers(web.PeersConfig{
		Key: key, Find: func(tag string) (string, bool) { return b.sw.AddrOf(tag) },
		Self: func() string { return b.sw.Tag() }, Now: func() time.Time { return b.sw.Now() },
		Trunk:   func(conn net.Conn) { b.store.ServeTrunk(conn) },
		MaxBody: d.cfg.Limits.MaxPayload, AnswerTimeout: poll + 5*time.Second, TrustedProxies: d.cfg.Servers.TrustedProxies,
		Registry: d.registry, Logger: d.log,
	})
	if err != nil {
		return "", err
	}
	var lc net.ListenConfig
	b.peerListener, err = lc.Listen(d.ctx, "tcp", d.cfg.Cluster.ClusterListen)
	if err != nil {
		return "", fmt.Errorf("--cluster-listen: %w", err)
	}
	addr = advertised(d.cfg.Cluster.ClusterAdvertise, b.peerListener.Addr().String())
	if loopback(hostOf(addr)) && !redisIsHere(d.cfg.Servers.RedisURL.Reveal()) {
		d.log.Warn("nodes on other machines can not reach this one, and polling clients that reach them lose their sessions: "+
			"set --cluster-listen to an address that they can reach", "addr", addr)
	}
	return addr, nil
}

// redisIsHere reports whether Redis is on this machine: then the other nodes may
// well be, too.
func redisIsHere(list string) bool {
	u, err := url.Parse(list)
	return err == nil && loopback(u.Hostname())
}

// advertised is how other nodes reach the listener. One that listens on all
// networks is reached by this machine's own address.
func advertised(given, listens string) string {
	if given != "" {
		return given
	}
	host, port, err := net.SplitHostPort(listens)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		if lan := lanAddresses(); len(lan) > 0 {
			return net.JoinHostPort(lan[0].String(), port)
		}
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listens
}

// servePeers begins to answer other nodes.
func (b *board) servePeers(log *slog.Logger) {
	if b.peers == nil {
		return
	}
	close(b.assembled)
	b.done.Go(func() {
		if err := b.peers.Serve(b.peerListener, b.io); err != nil {
			log.Error("no requests are taken from other nodes any more", "error", err)
		}
	})
}

// dialTrunk lays a trunk to another node. The first are wanted while this node is
// still joining.
func (b *board) dialTrunk(ctx context.Context, addr string) (net.Conn, error) {
	select {
	case <-b.assembled:
		return b.peers.DialTrunk(ctx, addr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// closePeers ends what goes to other nodes and comes from them.
func (b *board) closePeers() {
	if b.peers != nil {
		_ = b.peers.Close() // its listener's: nothing is lost
	}
	if b.peerListener != nil {
		_ = b.peerListener.Close() // if it was never served
	}
}

// join takes this node's membership: of a cluster, or of a world of its own.
func (b *board) join(d deps, addr string) func(presence.Handler) (presence.Store, error) {
	return func(h presence.Handler) (presence.Store, error) {
		if !d.cfg.Clustered() {
			cluster, err := memory.New(memory.Config{OfflineGrace: d.cfg.Presence.OfflineGrace, Lease: forever})
			if err != nil {
				return nil, err
			}
			return cluster.Join(b.name, h)
		}
		cfg := redis.Config{
			URL: d.cfg.Servers.RedisURL.Reveal(), Prefix: d.cfg.Cluster.RedisPrefix, Addr: addr,
			Lease: d.cfg.Cluster.NodeLease, OfflineGrace: d.cfg.Presence.OfflineGrace, Timeout: d.cfg.Cluster.RedisTimeout, Logger: d.log,
			Dial: b.dialTrunk,
		}
		store, err := joinRedis(d.ctx, cfg, b.name, h)
		if err != nil {
			return nil, err
		}
		b.store = store // before the listener of peers is served
		d.registry.MustRegister(store.Metrics())
		return store, nil
	}
}

// joinRedis waits for the lease of a predecessor with the same name to run out:
// a node that was killed may be back before. One that lives keeps its name.
func joinRedis(ctx context.Context, cfg redis.Config, name string, h presence.Handler) (*redis.Store, error) {
	deadline := time.Now().Add(cfg.Lease + cfg.Lease/5)
	for {
		store, err := redis.Join(ctx, cfg, name, h)
		if err == nil {
			return store, nil
		}
		if !errors.Is(err, presence.ErrNodeTaken) {
			return nil, fmt.Errorf("joining the cluster on %s: %w", redactedList(cfg.URL), err)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("another node runs under the name %q: give each node a --node-name of its own", name)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// forever is the lease of a node that is alone: there is nobody who could take
// its sessions for dead while it stands still.
const forever = 100 * 365 * 24 * time.Hour

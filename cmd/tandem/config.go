package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/web"
)

// Authenticated reports whether users must show tokens.
func (c Config) Authenticated() bool { return c.Identity.JWTSecret != "" || c.Identity.JWKSURL != "" }

// Validate checks what no package below can check for itself.
func (c Config) Validate() error {
	if c.Address.Port < 0 || c.Address.Port > 65535 {
		return fmt.Errorf("port %d does not exist", c.Address.Port)
	}
	if (c.TLS.TLSCert == "") != (c.TLS.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both")
	}
	if c.TLS.TLSDev && c.TLS.TLSCert != "" {
		return errors.New("--tls-dev makes its own certificate: leave out --tls-cert and --tls-key")
	}
	for name, d := range map[string]time.Duration{
		"ring-timeout": c.Calls.RingTimeout, "call-ping-interval": c.Calls.CallPingInt, "call-ping-timeout": c.Calls.CallPingTimeout,
		"presence-interval": c.Presence.PresenceInterval, "typing-expiry": c.Presence.TypingExpiry, "ping-interval": c.Liveness.PingInterval,
		"ping-timeout": c.Liveness.PingTimeout, "handshake-timeout": c.Liveness.HandshakeTimeout, "idle-timeout": c.Liveness.IdleTimeout,
		"drain-timeout": c.Operation.DrainTimeout, "backend-timeout": c.Servers.BackendTimeout,
		"node-lease": c.Cluster.NodeLease, "redis-timeout": c.Cluster.RedisTimeout,
	} {
		if d <= 0 {
			return fmt.Errorf("--%s must be more than 0", name)
		}
	}
	for name, d := range map[string]time.Duration{
		"offline-ring": c.offlineRing(), "resume-window": c.Calls.ResumeWindow, "offline-grace": c.Presence.OfflineGrace, "token-leeway": c.Identity.TokenLeeway,
	} {
		if d < 0 {
			return fmt.Errorf("--%s can not be negative", name)
		}
	}
	for name, n := range map[string]float64{
		"typing-rate": c.Presence.TypingRate, "events-rate": c.Limits.EventsRate, "events-burst": float64(c.Limits.EventsBurst),
		"calls-per-minute": float64(c.Limits.CallsPerMinute), "sessions-per-user": float64(c.Limits.SessionsPerUser),
		"max-payload": float64(c.Limits.MaxPayload), "max-queue": float64(c.Limits.MaxQueue),
		"max-connections": float64(c.Limits.MaxConnections), "max-pending": float64(c.Limits.MaxPending),
		"max-header-bytes": float64(c.Limits.MaxHeaderBytes), "presence-broadcast-limit": float64(c.Presence.PresenceBroadcastLimit) + 1,
	} {
		if n <= 0 {
			return fmt.Errorf("--%s must be more than 0", name)
		}
	}
	for _, u := range c.Calls.ICEServer {
		if scheme, host, ok := strings.Cut(u, ":"); !ok || host == "" || (scheme != "stun" && scheme != "stuns") {
			return fmt.Errorf("--ice-server %q is not a STUN URL; give it as stun:HOST:PORT", u)
		}
	}
	if err := c.checkCluster(); err != nil {
		return err
	}
	if err := c.checkChat(); err != nil {
		return err
	}
	if err := c.checkPermit(); err != nil {
		return err
	}
	if err := c.checkPush(); err != nil {
		return err
	}
	if err := c.checkWebhooks(); err != nil {
		return err
	}
	return c.checkReach()
}

// checkReach holds I4: a server that believes every user id is for this machine
// only, unless the operator says otherwise in so many words.
func (c Config) checkReach() error {
	host, _, err := c.address()
	if err != nil {
		return err
	}
	if c.Authenticated() || c.Identity.InsecureNoAuth || loopback(host) {
		return nil
	}
	where := "all networks"
	if host != "" {
		where = host
	}
	return fmt.Errorf("refusing to listen on %s without a secret: anybody there could take any user's name. "+
		"Set JWT_SECRET to the secret that your back end signs tokens with (or --jwks-url), "+
		"or leave out --listen to serve this machine only, "+
		"or say --insecure-no-auth if everybody who can reach it is trusted", where)
}

// address is where to listen; an empty host means all networks.
func (c Config) address() (host string, port int, err error) {
	if c.Address.Listen == "" {
		if c.Authenticated() || c.Identity.InsecureNoAuth {
			return "", c.Address.Port, nil
		}
		return "localhost", c.Address.Port, nil
	}
	host, portText, splitErr := net.SplitHostPort(c.Address.Listen)
	if splitErr != nil { // a host alone
		host = strings.TrimSuffix(strings.TrimPrefix(c.Address.Listen, "["), "]")
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", 0, fmt.Errorf("--listen %q is not HOST or HOST:PORT", c.Address.Listen)
		}
		return host, c.Address.Port, nil
	}
	port, err = strconv.Atoi(portText)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("--listen %q has no usable port", c.Address.Listen)
	}
	return host, port, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// auth is the part that is about identity.
func (c Config) auth() auth.Config {
	return auth.Config{
		Secret: c.Identity.JWTSecret.Reveal(), JWKSURL: c.Identity.JWKSURL, UserClaim: c.Identity.UserClaim,
		Audience: c.Identity.TokenAudience, Issuer: c.Identity.TokenIssuer, CookieName: c.Identity.CookieName,
		Leeway: c.Identity.TokenLeeway, Insecure: c.Identity.InsecureNoAuth,
	}
}

// web is the part that is about HTTP.
func (c Config) web() web.Config {
	var keys []string
	for _, k := range c.Servers.ServerKeys {
		keys = append(keys, k.Reveal())
	}
	return web.Config{
		ServerKeys: keys,
		BackendURL: c.Servers.BackendURL, BackendTimeout: c.Servers.BackendTimeout, TrustedProxies: c.Servers.TrustedProxies,
		MaxConnections: c.Limits.MaxConnections, MaxPending: c.Limits.MaxPending, MaxHeaderBytes: c.Limits.MaxHeaderBytes,
		HandshakeTimeout: c.Liveness.HandshakeTimeout, IdleTimeout: c.Liveness.IdleTimeout, HistoryLimit: c.Chat.HistoryLimit,
		RequestRate: c.Limits.EventsRate, RequestBurst: c.Limits.EventsBurst,
	}
}

package push

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A client names the URL that the server is to post to. So that this is no way to
// make the server talk to whom it should not, only push services are taken, and
// only at public addresses.

// Services are the hosts of the push services of browsers: those of Chrome (and
// Edge on Android, Opera, Brave, Samsung Internet), Firefox, Safari and Edge.
var Services = []string{
	"fcm.googleapis.com", "*.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com",
}

// ErrHost: an endpoint is not at a push service that this site uses.
var ErrHost = errors.New("push: not a push service of this site")

// errPrivate: a push service's name leads into a network of the site's own.
var errPrivate = errors.New("push: the address is not a public one")

// hosts decides which push services there are.
type hosts struct {
	exact   []string
	suffix  []string // with a dot in front
	all     bool
	origins []string // taken as they are
	dial    []string // host:port of these, and of proxies: may be private
}

// parseHosts reads patterns: HOST, *.DOMAIN, * for every public one, or an origin
// like http://127.0.0.1:8080, which may be private and need not be https.
func parseHosts(patterns []string) (h hosts, err error) {
	for _, p := range patterns {
		p = strings.ToLower(strings.TrimSpace(p))
		switch {
		case p == "*":
			h.all = true
		case strings.Contains(p, "://"):
			u, err := url.Parse(p)
			if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
				return h, fmt.Errorf("push: %q is not an origin of a push service: give it as https://HOST[:PORT]", p)
			}
			h.origins = append(h.origins, u.Scheme+"://"+u.Host)
			h.dial = append(h.dial, withPort(u))
		case strings.HasPrefix(p, "*.") && validHost(p[2:]):
			h.suffix = append(h.suffix, p[1:])
		case validHost(p):
			h.exact = append(h.exact, p)
		default:
			return h, fmt.Errorf("push: %q is not a host of a push service: give HOST, *.DOMAIN, an origin or *", p)
		}
	}
	return h, nil
}

func validHost(s string) bool {
	return s != "" && !strings.ContainsAny(s, "*/:@?# ") && !strings.HasPrefix(s, ".")
}

// check says whether an endpoint may be posted to.
func (h hosts) check(endpoint string) error {
	u, err := endpointURL(endpoint)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSubscription, err)
	}
	if slices.Contains(h.origins, u.Scheme+"://"+strings.ToLower(u.Host)) {
		return nil
	}
	if u.Scheme != "https" {
		return fmt.Errorf("%w: endpoint is not https", ErrSubscription)
	}
	if p := u.Port(); p != "" && p != "443" {
		return ErrHost
	}
	name := strings.ToLower(u.Hostname())
	if h.all || slices.Contains(h.exact, name) || slices.ContainsFunc(h.suffix, func(s string) bool { return strings.HasSuffix(name, s) }) {
		return nil
	}
	return ErrHost
}

func withPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// client posts to push services. It follows no redirect, and whatever a name
// resolves to has to be public.
func (h hosts) client(perHost int, timeout time.Duration) *http.Client {
	trusted := slices.Clone(h.dial)
	for _, scheme := range []string{"http", "https"} {
		r := &http.Request{URL: &url.URL{Scheme: scheme, Host: "push.example"}}
		if proxy, err := http.ProxyFromEnvironment(r); err == nil && proxy != nil {
			trusted = append(trusted, withPort(proxy))
		}
	}
	free := &net.Dialer{Timeout: timeout}
	guarded := &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error { return checkPublic(address) }}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
			MaxIdleConns: 64, MaxIdleConnsPerHost: perHost, MaxConnsPerHost: 0, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 16 << 10,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if slices.Contains(trusted, strings.ToLower(addr)) {
					return free.DialContext(ctx, network, addr)
				}
				return guarded.DialContext(ctx, network, addr)
			},
		},
	}
}

func checkPublic(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return fmt.Errorf("%w: %s", errPrivate, address)
	}
	return nil
}

// special are networks that are no host's on the internet, beyond those that
// package netip knows (IANA's registries of special-purpose addresses).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

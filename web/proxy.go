package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// newProxy passes requests on to the back end: bodies stream both ways, upgrades
// pass through, cookies are left alone, and the client's address goes into
// X-Forwarded-For, -Host and -Proto (de facto standard).
func (s *Server) newProxy() (http.Handler, error) {
	target, err := url.Parse(s.cfg.BackendURL)
	if err != nil {
		return nil, fmt.Errorf("web: back end: %w", err)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: s.cfg.BackendTimeout,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true, // encodings are the client's business
		ForceAttemptHTTP2:     false,
	}
	s.idle = transport.CloseIdleConnections
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)                       // the Host header becomes the back end's own
			p.Out.URL.RawQuery = p.In.URL.RawQuery // byte for byte: nobody here reads it
			s.forwardedHeaders(p)
		},
		Transport:     transport,
		FlushInterval: -1, // what the back end sends goes out at once
		ErrorLog:      slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ModifyResponse: func(res *http.Response) error {
			ownLocation(res, target)
			return nil
		},
		ErrorHandler: s.backendFailed,
	}
	return proxy, nil
}

// forwardedHeaders says who the client is. What a client says of itself counts
// only if it is one of the trusted proxies.
func (s *Server) forwardedHeaders(p *httputil.ProxyRequest) {
	trusted := s.trusted(p.In.RemoteAddr)
	if trusted {
		p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
	} else {
		p.Out.Header.Del("X-Real-Ip")
	}
	p.SetXForwarded() // appends the peer to X-Forwarded-For
	if trusted {
		for _, name := range []string{"X-Forwarded-Proto", "X-Forwarded-Host"} {
			if v := p.In.Header.Get(name); v != "" {
				p.Out.Header.Set(name, v)
			}
		}
	}
}

func (s *Server) trusted(remote string) bool { return trustedBy(s.cfg.TrustedProxies, remote) }

// trustedBy reports whether an address is of one of the proxies.
func trustedBy(proxies []netip.Prefix, remote string) bool {
	if len(proxies) == 0 {
		return false
	}
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	ip := ap.Addr().Unmap()
	for _, p := range proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// ownLocation makes redirects to the back end's own address relative, so that a
// front end never leaves Tandem.
func ownLocation(res *http.Response, target *url.URL) {
	at := res.Header.Get("Location")
	if at == "" {
		return
	}
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, target.Host) {
		return
	}
	u.Scheme, u.Host, u.User = "", "", nil
	if prefix := strings.TrimSuffix(target.Path, "/"); prefix != "" {
		rest, ok := strings.CutPrefix(u.Path, prefix)
		if !ok || (rest != "" && rest[0] != '/') {
			return // outside of what Tandem passes on
		}
		u.Path, u.RawPath = rest, ""
	}
	if !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		u.Path, u.RawPath = "/"+strings.TrimLeft(u.Path, "/"), ""
	}
	res.Header.Set("Location", u.String())
}

func (s *Server) backendFailed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		w.WriteHeader(http.StatusBadGateway) // the client went away: nobody reads this
		return
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		writeError(w, wire.Errorf(wire.CodeTooLarge, ""))
		return
	}
	s.log.WarnContext(r.Context(), "the back end does not answer", "path", r.URL.Path, "error", err)
	writeError(w, wire.Errorf(wire.CodeBackendDown, ""))
}

package auth

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Credentials are what a client showed of itself. FromRequest fills all but
// Token; a dialect adds what its connect packet holds.
type Credentials struct {
	// Token is auth.token of the Socket.IO CONNECT payload or of the plain
	// dialect's auth frame. A "Bearer " in front is tolerated.
	Token string
	// Authorization is the header of that name, as it came.
	Authorization string
	// Cookie is the value of the cookie that may hold a token.
	Cookie string
	// CookieTrusted says that the request can not have been sent by a foreign
	// page, see Origins.CookieTrusted. Without it a cookie is refused.
	CookieTrusted bool
	// QueryUserID is userId of the query string or of the auth frame.
	QueryUserID string

	// RemoteAddr is the peer ("ip:port"), Host the Host header, Forwarded
	// whether a proxy left its mark: an open verifier wants a client on this
	// machine.
	RemoteAddr string
	Host       string
	Forwarded  bool
}

// FromRequest collects the credentials of an HTTP request or of a handshake.
func (v *Verifier) FromRequest(r *http.Request, origins *Origins) Credentials {
	var user string
	if strings.Contains(r.URL.RawQuery, "userId=") {
		user = r.URL.Query().Get("userId")
	}
	return Credentials{
		Authorization: r.Header.Get("Authorization"),
		Cookie:        cookie(r.Header, v.cfg.CookieName),
		CookieTrusted: origins.CookieTrusted(r),
		QueryUserID:   user,
		RemoteAddr:    r.RemoteAddr,
		Host:          r.Host,
		Forwarded:     Forwarded(r.Header),
	}
}

// FromHandshake is FromRequest for those who kept only the parts of a
// handshake. trusted is what Origins.CookieTrusted said of its request.
func (v *Verifier) FromHandshake(h http.Header, query url.Values, remoteAddr, host string, trusted bool) Credentials {
	return Credentials{
		Authorization: h.Get("Authorization"),
		Cookie:        cookie(h, v.cfg.CookieName),
		CookieTrusted: trusted,
		QueryUserID:   query.Get("userId"),
		RemoteAddr:    remoteAddr,
		Host:          host,
		Forwarded:     Forwarded(h),
	}
}

// Authenticate decides who the client is. The first of Token, Authorization and
// Cookie that holds a token decides alone; a QueryUserID that contradicts it is
// ErrIdentityMismatch. An open verifier looks at QueryUserID only.
func (v *Verifier) Authenticate(ctx context.Context, c Credentials) (*Identity, error) {
	user := c.QueryUserID
	if v.Open() {
		if err := v.CheckLocal(c); err != nil {
			return nil, err
		}
		if !ValidUser(user) {
			return nil, fmt.Errorf("auth: query userId: %w", ErrInvalidUser)
		}
		return &Identity{User: user, Via: ViaInsecure}, nil
	}
	token, via := c.token()
	if token == "" {
		return nil, ErrNoToken
	}
	if via == ViaCookie && !c.CookieTrusted {
		return nil, fmt.Errorf("auth: identity by cookie: %w", ErrOriginNotAllowed)
	}
	id, err := v.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if !blank(user) && user != id.User {
		return nil, ErrIdentityMismatch
	}
	id.Via = via
	return id, nil
}

// CheckLocal returns nil if an open verifier may believe what the client says:
// its address and its Host header are of this machine and nobody forwarded the
// request, or Config.Insecure is set. A Host header of another name is a web
// page that reached this machine through its own DNS.
func (v *Verifier) CheckLocal(c Credentials) error {
	if v.cfg.Insecure {
		return nil
	}
	switch {
	case c.Forwarded:
		return fmt.Errorf("auth: forwarded by a proxy: %w", ErrNotLocal)
	case !loopbackAddr(c.RemoteAddr):
		return fmt.Errorf("auth: peer is not on this machine: %w", ErrNotLocal)
	case !loopbackHost(c.Host):
		return fmt.Errorf("auth: host header is not of this machine: %w", ErrNotLocal)
	}
	return nil
}

// token is the first token there is, and where it was found.
func (c Credentials) token() (string, Via) {
	if t := stripBearer(c.Token); !blank(t) {
		return t, ViaToken
	}
	if scheme, rest, ok := strings.Cut(c.Authorization, " "); ok && strings.EqualFold(scheme, "Bearer") {
		if t := strings.TrimSpace(rest); !blank(t) {
			return t, ViaToken
		}
	}
	if !blank(c.Cookie) {
		return c.Cookie, ViaCookie
	}
	return "", 0
}

func stripBearer(t string) string {
	const scheme = "bearer "
	if len(t) > len(scheme) && strings.EqualFold(t[:len(scheme)], scheme) {
		return strings.TrimSpace(t[len(scheme):])
	}
	return t
}

// Forwarded reports whether a proxy left its mark in the headers.
func Forwarded(h http.Header) bool {
	for name := range h {
		switch {
		case name == "Forwarded", name == "Via", name == "X-Real-Ip", strings.HasPrefix(name, "X-Forwarded-"):
			return true
		}
	}
	return false
}

// cookie finds one cookie without parsing the others; the first one counts. It
// may be URL-encoded and quoted, as front ends leave it.
func cookie(h http.Header, name string) string {
	for _, line := range h["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if !ok || key != name {
				continue
			}
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if strings.Contains(value, "%") {
				if plain, err := url.PathUnescape(value); err == nil {
					value = plain
				}
			}
			return value
		}
	}
	return ""
}

// loopbackAddr reports whether "ip:port" is of this machine.
func loopbackAddr(addr string) bool {
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// loopbackHost reports whether a Host header names this machine.
func loopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return loopbackName(host) || strings.HasSuffix(host, ".localhost")
}

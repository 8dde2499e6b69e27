package auth

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Origins is the policy for web origins (RFC 6454): those listed, and the
// server's own. It is immutable; a nil *Origins allows the same origin only.
type Origins struct {
	list []string // normalised: scheme://host[:port]
	any  bool
}

// NewOrigins parses a comma-separated list such as FRONTEND_URL. Paths and
// trailing slashes are forgiven, default ports dropped. "*" allows every origin
// and is meant for development.
func NewOrigins(list string) (*Origins, error) {
	o := &Origins{}
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if part == "*" {
			o.any = true
			continue
		}
		origin, ok := normalOrigin(part)
		if !ok {
			return nil, fmt.Errorf("auth: %q is not an origin; give it as https://app.example.com", part)
		}
		if !slices.Contains(o.list, origin) {
			o.list = append(o.list, origin)
		}
	}
	return o, nil
}

// List returns the listed origins, "*" if all are allowed.
func (o *Origins) List() []string {
	if o == nil {
		return nil
	}
	if o.any {
		return []string{"*"}
	}
	return slices.Clone(o.list)
}

// Allowed reports whether the request may be served as far as its Origin goes:
// there is none (not a browser, or a plain same-origin GET), it is listed, or it
// is the server's own. Use it for CORS and for WebSocket upgrades.
func (o *Origins) Allowed(r *http.Request) bool {
	values := r.Header["Origin"]
	if len(values) == 0 {
		return true
	}
	return len(values) == 1 && o.allows(values[0], r)
}

// CookieTrusted reports whether a cookie of this request may count as an
// identity (I5): upgrades and writes need an Origin that is allowed (or the
// browser's word that it is the same one, Sec-Fetch-Site); reads only must not
// have one that is not allowed, because a foreign page can not read the answer.
func (o *Origins) CookieTrusted(r *http.Request) bool {
	if values := r.Header["Origin"]; len(values) > 0 {
		return len(values) == 1 && o.allows(values[0], r)
	}
	if r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return true
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return reads && r.Header.Get("Upgrade") == ""
}

func (o *Origins) allows(origin string, r *http.Request) bool {
	if o != nil && o.any && origin != "null" {
		return true
	}
	if o != nil && slices.Contains(o.list, origin) { // browsers send the normal form
		return true
	}
	origin, ok := normalOrigin(origin)
	if !ok {
		return false
	}
	if o != nil && slices.Contains(o.list, origin) {
		return true
	}
	// The scheme counts only where it is known: behind a proxy that ends TLS
	// the request looks like http.
	scheme, host, _ := strings.Cut(origin, "://")
	if r.TLS != nil && scheme != "https" {
		return false
	}
	if strings.ContainsAny(r.Host, "#/?@\\") { // no host, whatever a URL parser makes of it
		return false
	}
	own, ok := normalOrigin(scheme + "://" + r.Host)
	return ok && own == scheme+"://"+host
}

// normalOrigin brings an origin to lower case without default port and path.
func normalOrigin(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "capacitor", "ionic", "app", "tauri": // web views of native apps
	default:
		return "", false
	}
	return scheme + "://" + host, true
}

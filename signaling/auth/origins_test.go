package auth

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func originRequest(method, origin string, https bool) *http.Request {
	r := httptest.NewRequest(method, "http://call.example:5000/ws", nil)
	if https {
		r.TLS = &tls.ConnectionState{}
	}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

func TestI5_Origins(t *testing.T) {
	for _, tt := range []struct {
		list, origin string
		https, want  bool
	}{
		{"", "", false, true},
		{"", "http://call.example:5000", false, true},
		{"", "https://call.example:5000", false, true}, // TLS may end before us
		{"", "http://call.example:5000", true, false},
		{"", "HTTP://CALL.example:5000", false, true},
		{"", "http://call.example", false, false},
		{"", "http://evil.example:5000", false, false},
		{"", "null", false, false},
		{"", "garbage", false, false},
		{"https://app.example", "https://app.example", false, true},
		{"https://app.example/", "https://app.example:443", false, true},
		{" https://a.example , https://b.example/path ", "https://b.example", false, true},
		{"https://app.example", "http://app.example", false, false},
		{"https://app.example", "https://app.example.evil.example", false, false},
		{"https://app.example", "https://evil.example/https://app.example", false, false},
		{"https://app.example", "https://app.example@evil.example", false, false},
		{"http://localhost:5173", "http://localhost:5173", false, true},
		{"capacitor://localhost", "capacitor://localhost", false, true},
		{"*", "https://anything.example", false, true},
		{"*", "null", false, false},
	} {
		o, err := NewOrigins(tt.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Allowed(originRequest(http.MethodGet, tt.origin, tt.https)); got != tt.want {
			t.Errorf("list %q, origin %q, https %v: %v", tt.list, tt.origin, tt.https, got)
		}
	}
	var none *Origins
	if !none.Allowed(originRequest(http.MethodGet, "http://call.example:5000", false)) || none.Allowed(originRequest(http.MethodGet, "https://x.example", false)) {
		t.Error("nil is not same origin only")
	}
	for _, bad := range []string{"app.example", "https://", "javascript:x", "https://user@app.example"} {
		if _, err := NewOrigins(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	two := originRequest(http.MethodGet, "https://app.example", false)
	two.Header.Add("Origin", "https://evil.example")
	o, _ := NewOrigins("https://app.example")
	if o.Allowed(two) || o.CookieTrusted(two) {
		t.Error("two origins accepted")
	}
	if got := strings.Join(o.List(), " "); got != "https://app.example" {
		t.Errorf("list %q", got)
	}
}

func TestI5_CookiesNeedAnAllowedOrigin(t *testing.T) {
	o, err := NewOrigins("https://app.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, origin, site, upgrade string
		want                                bool
	}{
		{"read without origin", "GET", "", "", "", true},
		{"read from an allowed one", "GET", "https://app.example", "cross-site", "", true},
		{"read from a foreign one", "GET", "https://evil.example", "cross-site", "", false},
		{"write from an allowed one", "POST", "https://app.example", "", "", true},
		{"write without origin", "POST", "", "", "", false},
		{"write of the same origin, said the browser", "POST", "", "same-origin", "", true},
		{"write from the same site is not enough", "POST", "", "same-site", "", false},
		{"write from a foreign one", "POST", "https://evil.example", "", "", false},
		{"write with origin null", "POST", "null", "", "", false},
		{"delete without origin", "DELETE", "", "", "", false},
		{"upgrade without origin", "GET", "", "", "websocket", false},
		{"upgrade from an allowed one", "GET", "https://app.example", "", "websocket", true},
		{"upgrade from a foreign one", "GET", "https://evil.example", "", "websocket", false},
	} {
		r := originRequest(tt.method, tt.origin, false)
		if tt.site != "" {
			r.Header.Set("Sec-Fetch-Site", tt.site)
		}
		if tt.upgrade != "" {
			r.Header.Set("Upgrade", tt.upgrade)
		}
		if got := o.CookieTrusted(r); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func FuzzOrigins(f *testing.F) {
	o, err := NewOrigins("https://app.example,http://localhost:5173")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("https://app.example", "call.example")
	f.Add("https://app.example:443/", "x")
	f.Add("http://[::1]:80", "[::1]")
	f.Fuzz(func(t *testing.T, origin, host string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Host = host
		r.Header["Origin"] = []string{origin}
		if !o.Allowed(r) {
			return
		}
		low := strings.ToLower(origin)
		name := strings.ToLower(host)
		for _, port := range []string{":80", ":443"} {
			name = strings.TrimSuffix(name, port)
		}
		if !strings.Contains(low, "app.example") && !strings.Contains(low, "localhost:5173") && (name == "" || !strings.Contains(low, name)) {
			t.Fatalf("origin %q allowed at host %q", origin, host)
		}
	})
}

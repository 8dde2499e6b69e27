package auth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestI1_OrderOfCredentials(t *testing.T) {
	v := newVerifier(t, nil)
	token := func(user string) string { return signHS(t, jwt.MapClaims{"userId": user}) }
	for _, tt := range []struct {
		name string
		c    Credentials
		user string
		via  Via
		err  error
	}{
		{"nothing", Credentials{}, "", 0, ErrNoToken},
		{"a name alone", Credentials{QueryUserID: "alice", RemoteAddr: "127.0.0.1:1", Host: "localhost"}, "", 0, ErrNoToken},
		{"auth.token first", Credentials{Token: token("a"), Authorization: "Bearer " + token("b"), Cookie: token("c"), CookieTrusted: true}, "a", ViaToken, nil},
		{"then the header", Credentials{Authorization: "Bearer " + token("b"), Cookie: token("c"), CookieTrusted: true}, "b", ViaToken, nil},
		{"then the cookie", Credentials{Cookie: token("c"), CookieTrusted: true}, "c", ViaCookie, nil},
		{"words for nothing", Credentials{Token: "undefined", Authorization: "Bearer null", Cookie: token("c"), CookieTrusted: true}, "c", ViaCookie, nil},
		{"bearer in auth.token", Credentials{Token: "Bearer " + token("a")}, "a", ViaToken, nil},
		{"bearer in small letters", Credentials{Authorization: "bearer " + token("b")}, "b", ViaToken, nil},
		{"another scheme", Credentials{Authorization: "Basic " + token("b")}, "", 0, ErrNoToken},
		{"a bad one is not skipped", Credentials{Token: "x.y.z", Cookie: token("c"), CookieTrusted: true}, "", 0, ErrInvalidToken},
		{"the name agrees", Credentials{Token: token("a"), QueryUserID: "a"}, "a", ViaToken, nil},
		{"the name is undefined", Credentials{Token: token("a"), QueryUserID: "undefined"}, "a", ViaToken, nil},
		{"the name contradicts", Credentials{Token: token("a"), QueryUserID: "b"}, "", 0, ErrIdentityMismatch},
		{"a cookie from elsewhere (I5)", Credentials{Cookie: token("c")}, "", 0, ErrOriginNotAllowed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := v.Authenticate(context.Background(), tt.c)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err == nil && (id.User != tt.user || id.Via != tt.via) {
				t.Fatalf("%+v", id)
			}
		})
	}
}

func TestI4_OpenServerTrustsThisMachineOnly(t *testing.T) {
	open := func(insecure bool) *Verifier {
		return newVerifier(t, func(c *Config) { c.Secret, c.Insecure = "", insecure })
	}
	local := Credentials{QueryUserID: "alice", RemoteAddr: "127.0.0.1:5", Host: "localhost:5000"}
	for _, tt := range []struct {
		name   string
		change func(*Credentials)
		err    error
	}{
		{"local", func(*Credentials) {}, nil},
		{"IPv6", func(c *Credentials) { c.RemoteAddr, c.Host = "[::1]:5", "[::1]:5000" }, nil},
		{"mapped", func(c *Credentials) { c.RemoteAddr = "[::ffff:127.0.0.1]:5" }, nil},
		{"127.0.0.1", func(c *Credentials) { c.Host = "127.0.0.1" }, nil},
		{"a name below localhost", func(c *Credentials) { c.Host = "app.localhost:5000" }, nil},
		{"another machine", func(c *Credentials) { c.RemoteAddr = "192.168.1.9:5" }, ErrNotLocal},
		{"no address", func(c *Credentials) { c.RemoteAddr = "" }, ErrNotLocal},
		{"another name", func(c *Credentials) { c.Host = "evil.example:5000" }, ErrNotLocal},
		{"a name that begins well", func(c *Credentials) { c.Host = "localhost.evil.example" }, ErrNotLocal},
		{"an address that begins well", func(c *Credentials) { c.Host = "127.0.0.1.evil.example" }, ErrNotLocal},
		{"no host", func(c *Credentials) { c.Host = "" }, ErrNotLocal},
		{"forwarded", func(c *Credentials) { c.Forwarded = true }, ErrNotLocal},
		{"no name", func(c *Credentials) { c.QueryUserID = "" }, ErrInvalidUser},
		{"nobody", func(c *Credentials) { c.QueryUserID = "undefined" }, ErrInvalidUser},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := local
			tt.change(&c)
			id, err := open(false).Authenticate(context.Background(), c)
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err == nil && (id.User != "alice" || id.Via != ViaInsecure) {
				t.Fatalf("%+v", id)
			}
			if errors.Is(tt.err, ErrNotLocal) {
				if _, err := open(true).Authenticate(context.Background(), c); err != nil {
					t.Fatalf("insecure, and yet: %v", err)
				}
			}
		})
	}
	if _, err := open(false).Verify(context.Background(), signHS(t, jwt.MapClaims{"userId": "a"})); !errors.Is(err, ErrInvalidToken) {
		t.Fatalf("an open verifier believed a token: %v", err)
	}
}

func TestI4_ForwardedHeaders(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Forwarded-For": true, "x-forwarded-proto": true, "X-Forwarded-Host": true, "X-Forwarded-Anything": true,
		"Forwarded": true, "Via": true, "X-Real-IP": true, "Accept": false, "X-Forward": false,
	} {
		h := http.Header{}
		h.Set(name, "x")
		if Forwarded(h) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestI1_FromRequest(t *testing.T) {
	v := newVerifier(t, func(c *Config) { c.CookieName = "session" })
	r := httptest.NewRequest(http.MethodGet, "http://call.example/socket.io/?EIO=4&userId=al%20ice&x=1", nil)
	r.RemoteAddr = "10.0.0.1:77"
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Add("Cookie", `a=b; xsession=no; session="s%3A1"; session=second`)
	r.Header.Set("Via", "1.1 proxy")
	r.Header.Set("Origin", "https://elsewhere.example")
	want := Credentials{
		Authorization: "Bearer t", Cookie: "s:1", QueryUserID: "al ice",
		RemoteAddr: "10.0.0.1:77", Host: "call.example", Forwarded: true,
	}
	if got := v.FromRequest(r, nil); got != want {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
	if got := v.FromHandshake(r.Header, r.URL.Query(), r.RemoteAddr, r.Host, false); got != want {
		t.Fatalf("handshake: %+v", got)
	}
}

func TestConfigI4_Contradictions(t *testing.T) {
	for name, cfg := range map[string]Config{
		"insecure with a secret": {Insecure: true, Secret: "x"},
		"insecure with keys":     {Insecure: true, JWKSURL: "https://x.example/"},
		"keys over http":         {JWKSURL: "http://x.example/jwks"},
		"keys from a file":       {JWKSURL: "file:///etc/passwd"},
		"keys from nowhere":      {JWKSURL: "jwks"},
		"negative leeway":        {Leeway: -1},
	} {
		if _, err := New(context.Background(), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add("Bearer x", "jwt=a; b=c", "userId=alice", "localhost:5000", "http://localhost:5000")
	f.Add("bearer ", `jwt="%zz"; jwt`, "userId=%ff", "[::1", "null")
	open, err := New(context.Background(), Config{})
	if err != nil {
		f.Fatal(err)
	}
	origins, err := NewOrigins("https://app.example.com")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, authorization, cookies, query, host, origin string) {
		r := httptest.NewRequest(http.MethodGet, "/ws", nil)
		r.URL.RawQuery, r.Host, r.RemoteAddr = query, host, "127.0.0.1:9"
		r.Header["Authorization"], r.Header["Cookie"], r.Header["Origin"] = []string{authorization}, []string{cookies}, []string{origin}
		c := open.FromRequest(r, origins)
		id, err := open.Authenticate(context.Background(), c)
		if err == nil && (!ValidUser(id.User) || !strings.Contains(strings.ToLower(host), "localhost") && !strings.Contains(host, "127.") && !strings.Contains(host, ":")) {
			t.Fatalf("%+v for host %q", id, host)
		}
		_, _ = c.token()
	})
}

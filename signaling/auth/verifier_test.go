package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

func TestI3_HS256Tokens(t *testing.T) {
	soon := now.Add(time.Hour).Unix()
	for _, tt := range []struct {
		name   string
		change func(*Config)
		claims jwt.MapClaims
		user   string
		err    error
	}{
		{"userId", nil, jwt.MapClaims{"userId": "alice", "exp": soon}, "alice", nil},
		{"sub", nil, jwt.MapClaims{"sub": "bob"}, "bob", nil},
		{"userId before sub", nil, jwt.MapClaims{"userId": "alice", "sub": "bob"}, "alice", nil},
		{"an ObjectId", nil, jwt.MapClaims{"userId": "65f1a0c2d3e4f5061728394a"}, "65f1a0c2d3e4f5061728394a", nil},
		{"a number", nil, jwt.MapClaims{"sub": 42}, "42", nil},
		{"not ASCII", nil, jwt.MapClaims{"sub": "ирина"}, "ирина", nil},
		{"own claim", func(c *Config) { c.UserClaim = "uid" }, jwt.MapClaims{"uid": "carol", "userId": "alice"}, "carol", nil},
		{"own claim is missing", func(c *Config) { c.UserClaim = "uid" }, jwt.MapClaims{"userId": "alice"}, "", ErrInvalidToken},
		{"own claim is a registered one", func(c *Config) { c.UserClaim = "jti" }, jwt.MapClaims{"jti": "dora"}, "dora", nil},
		{"no user", nil, jwt.MapClaims{"exp": soon}, "", ErrInvalidToken},
		{"user undefined", nil, jwt.MapClaims{"userId": "undefined"}, "", ErrInvalidToken},
		{"user null", nil, jwt.MapClaims{"userId": nil}, "", ErrInvalidToken},
		{"user is an object", nil, jwt.MapClaims{"userId": map[string]any{"$ne": ""}}, "", ErrInvalidToken},
		{"user with a line break", nil, jwt.MapClaims{"userId": "a\nb"}, "", ErrInvalidToken},
		{"user too long", nil, jwt.MapClaims{"userId": strings.Repeat("a", 129)}, "", ErrInvalidToken},
		{"expired", nil, jwt.MapClaims{"userId": "a", "exp": now.Add(-31 * time.Second).Unix()}, "", ErrTokenExpired},
		{"expired within the leeway", nil, jwt.MapClaims{"userId": "a", "exp": now.Add(-29 * time.Second).Unix()}, "a", nil},
		{"not yet valid", nil, jwt.MapClaims{"userId": "a", "nbf": now.Add(time.Minute).Unix()}, "", ErrInvalidToken},
		{"exp is a text", nil, jwt.MapClaims{"userId": "a", "exp": "tomorrow"}, "", ErrInvalidToken},
		{"exp is huge", nil, jwt.MapClaims{"userId": "a", "exp": 1e300}, "", ErrInvalidToken},
		{"exp is null", nil, jwt.MapClaims{"userId": "a", "exp": nil}, "", ErrInvalidToken},
		{"audience", func(c *Config) { c.Audience = "calls" }, jwt.MapClaims{"userId": "a", "aud": []string{"x", "calls"}}, "a", nil},
		{"one audience", func(c *Config) { c.Audience = "calls" }, jwt.MapClaims{"userId": "a", "aud": "calls"}, "a", nil},
		{"other audience", func(c *Config) { c.Audience = "calls" }, jwt.MapClaims{"userId": "a", "aud": "x"}, "", ErrInvalidToken},
		{"no audience", func(c *Config) { c.Audience = "calls" }, jwt.MapClaims{"userId": "a"}, "", ErrInvalidToken},
		{"issuer", func(c *Config) { c.Issuer = "us" }, jwt.MapClaims{"userId": "a", "iss": "us"}, "a", nil},
		{"other issuer", func(c *Config) { c.Issuer = "us" }, jwt.MapClaims{"userId": "a", "iss": "them"}, "", ErrInvalidToken},
		{"no issuer", func(c *Config) { c.Issuer = "us" }, jwt.MapClaims{"userId": "a"}, "", ErrInvalidToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := newVerifier(t, tt.change).Verify(context.Background(), signHS(t, tt.claims))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err == nil && id.User != tt.user {
				t.Fatalf("user %q, want %q", id.User, tt.user)
			}
		})
	}
}

func TestI3_TokensThatAreNone(t *testing.T) {
	good := signHS(t, jwt.MapClaims{"userId": "alice"})
	parts := strings.Split(good, ".")
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	other := signHS(t, jwt.MapClaims{"userId": "mallory"})
	for name, token := range map[string]string{
		"none":                part(`{"alg":"none"}`) + "." + parts[1] + ".",
		"None":                part(`{"alg":"None"}`) + "." + parts[1] + "." + parts[2],
		"no alg":              part(`{}`) + "." + parts[1] + "." + parts[2],
		"HS384":               sign(t, jwt.SigningMethodHS384, []byte(testSecret), "", jwt.MapClaims{"userId": "a"}),
		"HS512":               sign(t, jwt.SigningMethodHS512, []byte(testSecret), "", jwt.MapClaims{"userId": "a"}),
		"another secret":      sign(t, jwt.SigningMethodHS256, []byte("guess"), "", jwt.MapClaims{"userId": "a"}),
		"an empty secret":     sign(t, jwt.SigningMethodHS256, []byte(""), "", jwt.MapClaims{"userId": "a"}),
		"another payload":     parts[0] + "." + strings.Split(other, ".")[1] + "." + parts[2],
		"no signature":        parts[0] + "." + parts[1] + ".",
		"two parts":           parts[0] + "." + parts[1],
		"four parts":          good + ".x",
		"rubbish":             "hello",
		"dots":                "..",
		"a payload of 1":      part(`{"alg":"HS256"}`) + "." + part(`1`) + "." + parts[2],
		"not base64":          parts[0] + ".!!." + parts[2],
		"longer than allowed": parts[0] + "." + strings.Repeat("A", MaxToken) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			id, err := newVerifier(t, nil).Verify(context.Background(), token)
			if !errors.Is(err, ErrInvalidToken) {
				t.Fatalf("identity %+v, error %v", id, err)
			}
			if p, known := wire.ProblemOf(err); !known || p.Code != wire.CodeUnauthorized {
				t.Fatalf("a client would see %+v", p)
			}
		})
	}
	if _, err := newVerifier(t, nil).Verify(context.Background(), ""); !errors.Is(err, ErrNoToken) {
		t.Fatalf("no token: %v", err)
	}
}

func TestI3_ExpiryAndGrantsAreKept(t *testing.T) {
	v := newVerifier(t, nil)
	id, err := v.Verify(context.Background(), signHS(t, jwt.MapClaims{
		"userId": "alice", "exp": now.Unix() + 60, "jti": "t1", "can": []string{"call", "room:*"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !id.Expires.Equal(now.Add(time.Minute)) || id.TokenID != "t1" || id.Via != ViaToken {
		t.Fatalf("%+v", id)
	}
	for what, want := range map[string]bool{"call": true, "message": false, "room:a": true, "room:": false, "roomy": false, "cal": false} {
		if id.May(what) != want {
			t.Errorf("may %s: %v", what, !want)
		}
	}
	for grant, want := range map[any]bool{"call message": true, "message": false, "*": true, 7: false, nil: false} {
		id, err := v.Verify(context.Background(), signHS(t, jwt.MapClaims{"userId": "a", "can": grant}))
		if got := err == nil && id.May("call"); got != want {
			t.Errorf("can %v: may call %v (%v)", grant, got, err)
		}
	}
	if id, _ := v.Verify(context.Background(), signHS(t, jwt.MapClaims{"userId": "a", "can": []string{}})); id.May("call") {
		t.Error("an empty list allows something")
	}
	if id, _ := v.Verify(context.Background(), signHS(t, jwt.MapClaims{"userId": "a"})); !id.May("call") {
		t.Error("a token without the claim allows nothing")
	}
}

func TestI2_ProfileIsAllowListed(t *testing.T) {
	v := newVerifier(t, nil)
	id, err := v.Verify(context.Background(), signHS(t, jwt.MapClaims{
		"userId": "alice", "_id": "mallory", "username": "al", "fullName": "Alice Liddell", "gender": "female",
		"profilePic": "javascript:alert(1)", "picture": "https://img.example/a.png",
		"email": "a@example.com", "name": 7, "role": "admin",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_id":"alice","username":"al","fullName":"Alice Liddell","picture":"https://img.example/a.png","gender":"female"}`
	if got := string(id.Profile.JSON()); got != want {
		t.Fatalf("profile %s\nwant    %s", got, want)
	}
	if id.Name != "Alice Liddell" {
		t.Fatalf("name %q", id.Name)
	}
	id, err = v.Verify(context.Background(), signHS(t, jwt.MapClaims{
		"userId": "a", "name": strings.Repeat("x", 3000), "fullName": strings.Repeat("y", 3000),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(id.Profile.Name) + len(id.Profile.FullName); n != 3000 {
		t.Fatalf("%d bytes of display data", n)
	}
	if id, _ := v.Verify(context.Background(), signHS(t, jwt.MapClaims{"userId": "a"})); id.Profile != nil || id.Profile.JSON() != nil {
		t.Fatal("a profile from nothing")
	}
}

func TestI2_WebURL(t *testing.T) {
	for s, want := range map[string]bool{
		"https://a.example/x.png": true, "http://a.example": true, "HTTPS://a.example/": true,
		"": false, "/x.png": false, "//a.example/x": false, "data:image/png;base64,AA": false,
		"javascript:alert(1)": false, "https:a": false, "ftp://a.example/": false, "https://": false,
		"https://a.example/\"onerror=x": false, "https://a.example/ b": false, "http://[::1": false,
	} {
		if WebURL(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestI1_ValidUser(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "alice@example.com": true, "用户": true, "a b": true, strings.Repeat("x", 128): true, "0": true, "🙂": true,
		"": false, "undefined": false, "null": false, strings.Repeat("x", 129): false,
		"a\x00": false, "a\x7f": false, "\xff": false, "a\u202eb": false, "a\u0085": false, "\t": false,
	} {
		if ValidUser(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestO5_ErrorsHoldNoSecrets(t *testing.T) {
	v := newVerifier(t, nil)
	token := sign(t, jwt.SigningMethodHS256, []byte("another"), "", jwt.MapClaims{"userId": "alice"})
	for _, bad := range []string{token, token + "x", "x" + token, signHS(t, jwt.MapClaims{"userId": "a", "exp": 1})} {
		_, err := v.Verify(context.Background(), bad)
		if err == nil {
			t.Fatal("accepted")
		}
		text := fmt.Sprintf("%v %+v", err, err)
		for _, secret := range append(strings.Split(bad, "."), testSecret) {
			if strings.Contains(text, secret) {
				t.Fatalf("%q holds %q", text, secret)
			}
		}
	}
}

func TestI3_MintedTokensVerify(t *testing.T) {
	token, err := Mint(testSecret, "alice", now, time.Hour, map[string]any{"name": "Alice", "userId": "mallory", "exp": 1})
	if err != nil {
		t.Fatal(err)
	}
	id, err := newVerifier(t, nil).Verify(context.Background(), token)
	if err != nil || id.User != "alice" || id.Name != "Alice" || !id.Expires.Equal(now.Add(time.Hour)) {
		t.Fatalf("%+v %v", id, err)
	}
	if _, err := Mint("", "alice", now, 0, nil); err == nil {
		t.Fatal("signed with nothing")
	}
	if _, err := Mint(testSecret, "null", now, 0, nil); !errors.Is(err, ErrInvalidUser) {
		t.Fatalf("user null: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	v := newVerifier(f, nil)
	good := signHS(f, jwt.MapClaims{"userId": "alice", "exp": now.Unix() + 60, "aud": []string{"x"}, "can": "call"})
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiJhIn0.")
	f.Add("a.b.c")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		id, err := v.Verify(context.Background(), token)
		if (id == nil) == (err == nil) {
			t.Fatalf("identity %v and error %v", id, err)
		}
		if err == nil && id.User != "alice" {
			t.Fatalf("a forged token for %q", id.User)
		}
		var coded interface{ Code() string }
		if err != nil && !errors.As(err, &coded) {
			t.Fatalf("no code in %v", err)
		}
	})
}

// FuzzClaims is what comes after the signature.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"userId":"alice","exp":1800000100,"can":["call"],"name":"A","picture":"https://x.example/"}`))
	f.Add([]byte(`{"sub":12,"nbf":1.5,"aud":"x","iss":"y","jti":"z"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		c := claims{}
		if c.UnmarshalJSON(payload) != nil {
			return
		}
		id, err := c.identity()
		if err != nil {
			return
		}
		if !ValidUser(id.User) {
			t.Fatalf("user %q", id.User)
		}
		if p := id.Profile; p != nil {
			if n := len(p.Username) + len(p.FullName) + len(p.Name) + len(p.ProfilePic) + len(p.Picture) + len(p.Gender); n > MaxProfile {
				t.Fatalf("%d bytes of display data", n)
			}
			for _, u := range []string{p.ProfilePic, p.Picture} {
				if u != "" && !WebURL(u) {
					t.Fatalf("URL %q", u)
				}
			}
		}
	})
}

func BenchmarkVerifyHS256(b *testing.B) {
	v := newVerifier(b, nil)
	token := signHS(b, jwt.MapClaims{"userId": "65f1a0c2d3e4f5061728394a", "iat": now.Unix(), "exp": now.Unix() + 3600})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(context.Background(), token); err != nil {
			b.Fatal(err)
		}
	}
}

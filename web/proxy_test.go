package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// behind puts a server in front of a back end.
func behind(t *testing.T, backend http.Handler, change func(*Config, *Parts)) (addr string, target *httptest.Server) {
	t.Helper()
	target = httptest.NewServer(backend)
	t.Cleanup(target.Close)
	s := newServer(t, func(c *Config, p *Parts) {
		c.BackendURL = target.URL
		if change != nil {
			change(c, p)
		}
	})
	return serve(t, s), target
}

func TestBackendGetsWhatTandemDoesNotServe(t *testing.T) {
	addr, _ := behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "backend %s %s %s", r.Method, r.URL.RequestURI(), body)
	}), nil)
	c := client(t)
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/", "backend GET / "},
		{"GET", "/api/users", "backend GET /api/users "},
		{"POST", "/api/auth/login?x=1&x=2", "backend POST /api/auth/login?x=1&x=2 "},
		{"GET", "/api/users/online/x", "backend GET /api/users/online/x "},
		{"GET", "/a%2Fb/%20c?q=%26;x=%zz", "backend GET /a%2Fb/%20c?q=%26;x=%zz "},
		{"DELETE", "/index.html", "backend DELETE /index.html "},
		{"OPTIONS", "/api/users", "backend OPTIONS /api/users "},
		{"GET", "/socket.io/x", "socketio /socket.io/x *http.response"},
	} {
		if _, body := ask(t, c, tt.method, "http://"+addr+tt.path); body != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.path, body, tt.want)
		}
	}
	if _, body := ask(t, c, "GET", "http://"+addr+"/api/users/online"); body != `["u0","u1","u2"]` {
		t.Errorf("Tandem's own route: %q", body)
	}
	if res, body := ask(t, c, "GET", "http://"+addr+"/tandem/"); res.StatusCode != 200 || !strings.Contains(body, "<title>") {
		t.Errorf("the page: %d %.80s", res.StatusCode, body)
	}
	if res, _ := ask(t, c, "GET", "http://"+addr+"/tandem"); res.StatusCode != 308 || res.Header.Get("Location") != "/tandem/" {
		t.Errorf("the page without slash: %d %v", res.StatusCode, res.Header)
	}
	res, body := ask(t, c, "GET", "http://"+addr+"/tandem/nothing")
	wantError(t, res, body, wire.CodeNotFound)
	if res, _ := ask(t, c, "GET", "http://"+addr+"/healthz"); res.StatusCode != 200 {
		t.Errorf("health: %d", res.StatusCode)
	}
}

func TestBackendSeesTheClient(t *testing.T) {
	seen := make(chan *http.Request, 1)
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		http.SetCookie(w, &http.Cookie{Name: "jwt", Value: "new", HttpOnly: true, Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	})
	headers := []string{
		"Cookie", "jwt=old; a=1", "Authorization", "Bearer t", "Host", "calls.example",
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "public.example", "Forwarded", "for=6.6.6.6", "X-Real-Ip", "6.6.6.6",
	}
	addr, target := behind(t, backend, nil)
	res, _ := ask(t, client(t), "GET", "http://"+addr+"/me", headers...)
	r := <-seen
	for name, want := range map[string]string{
		"Cookie": "jwt=old; a=1", "Authorization": "Bearer t",
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "calls.example", "Forwarded": "", "X-Real-Ip": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if want := strings.TrimPrefix(target.URL, "http://"); r.Host != want {
		t.Errorf("host %q, want %q", r.Host, want)
	}
	if got := res.Header.Values("Set-Cookie"); len(got) != 2 || !strings.HasPrefix(got[0], "jwt=new") || !strings.Contains(got[0], "HttpOnly") {
		t.Errorf("cookies %q", got)
	}

	addr, _ = behind(t, backend, func(c *Config, _ *Parts) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	ask(t, client(t), "GET", "http://"+addr+"/me", headers...)
	r = <-seen
	for name, want := range map[string]string{
		"X-Forwarded-For": "6.6.6.6, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "public.example",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("behind a trusted proxy: %s: %q, want %q", name, got, want)
		}
	}
}

func TestBackendStreams(t *testing.T) {
	next := make(chan struct{})
	addr, _ := behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		rc := http.NewResponseController(w)
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n", i)
			_ = rc.Flush()
			<-next
		}
	}), nil)
	for _, kind := range []string{"text/event-stream", "application/octet-stream"} {
		res, err := client(t).Get("http://" + addr + "/events?type=" + kind)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(res.Body)
		for i := range 3 { // each line arrives before the next one is sent
			line, err := lines.ReadString('\n')
			if err != nil || line != fmt.Sprintf("data: %d\n", i) {
				t.Fatalf("%s: %q %v", kind, line, err)
			}
			next <- struct{}{}
		}
		_ = res.Body.Close()
	}
}

func TestBackendUploadsStream(t *testing.T) {
	got := make(chan string)
	addr, _ := behind(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 5)
		for range 2 {
			_, _ = io.ReadFull(r.Body, buf)
			got <- string(buf)
		}
	}), nil)
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		res, err := client(t).Post("http://"+addr+"/upload", "text/plain", pr)
		if err == nil {
			err = res.Body.Close()
		}
		done <- err
	}()
	for _, part := range []string{"first", "again"} { // the second is written after the first arrived
		if _, err := io.WriteString(pw, part); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != part {
			t.Fatalf("%q", s)
		}
	}
	_ = pw.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestBackendWebSocket(t *testing.T) {
	up := websocket.Upgrader{Subprotocols: []string{"chat"}}
	addr, _ := behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, http.Header{"X-Cookie-Seen": {r.Header.Get("Cookie")}})
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, msg, err := c.ReadMessage()
			if err != nil {
				return
			}
			if c.WriteMessage(kind, append([]byte("echo "), msg...)) != nil {
				return
			}
		}
	}), nil)
	d := websocket.Dialer{Subprotocols: []string{"chat"}}
	c, res, err := d.Dial("ws://"+addr+"/live", http.Header{"Cookie": {"jwt=x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Subprotocol() != "chat" || res.Header.Get("X-Cookie-Seen") != "jwt=x" {
		t.Fatalf("subprotocol %q, headers %v", c.Subprotocol(), res.Header)
	}
	for _, msg := range []string{"one", "two"} {
		if err := c.WriteMessage(websocket.TextMessage, []byte(msg)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.ReadMessage(); err != nil || string(got) != "echo "+msg {
			t.Fatalf("%q %v", got, err)
		}
	}
}

func TestBackendRedirectsStayHere(t *testing.T) {
	var own string
	addr, target := behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := strings.ReplaceAll(r.URL.Query().Get("to"), "OWN", own)
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusFound)
	}), nil)
	own = target.URL
	c := client(t)
	for to, want := range map[string]string{
		"OWN/login?next=1":        "/login?next=1",
		"OWN":                     "/",
		"OWN//evil.example/":      "/evil.example/",
		"/local":                  "/local",
		"https://other.example/x": "https://other.example/x",
	} {
		res, _ := ask(t, c, "GET", "http://"+addr+"/go?to="+strings.ReplaceAll(strings.ReplaceAll(to, "?", "%3F"), "&", "%26"))
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("%s: %q, want %q", to, got, want)
		}
	}
}

func TestBackendDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobodyThere := l.Addr().String()
	_ = l.Close()
	addr := serve(t, newServer(t, func(c *Config, _ *Parts) { c.BackendURL = "http://" + nobodyThere }))
	res, body := ask(t, client(t), "GET", "http://"+addr+"/api/anything")
	wantError(t, res, body, wire.CodeBackendDown)
	if res.StatusCode != http.StatusBadGateway || strings.Contains(body, nobodyThere) {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	if res, _ := ask(t, client(t), "GET", "http://"+addr+"/api/users/online"); res.StatusCode != 200 {
		t.Fatal("Tandem's own routes need the back end")
	}
}

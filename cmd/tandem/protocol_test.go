package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// documented reads a file of the repository's top folder.
func documented(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestProtocolExamples runs every block of PROTOCOL.md that is marked tandem, as
// described at its top.
func TestProtocolExamples(t *testing.T) {
	doc := documented(t, "PROTOCOL.md")
	blocks := strings.Split(doc, "```tandem\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d examples were found", len(blocks))
	}
	app, _, _ := start(t, testConfig(t), nil)
	for i, b := range blocks {
		body, _, _ := strings.Cut(b, "```")
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			st := stage{t: t, addr: "127.0.0.1:" + strconv.Itoa(app.Port()), players: map[string]*player{}}
			defer st.close()
			lines := strings.Split(strings.TrimSpace(body), "\n")
			for _, line := range lines { // everybody is there before it begins
				st.enter(line)
			}
			for _, line := range lines {
				st.play(line)
			}
		})
	}
}

// stage runs one example; a player is one of its users.
type stage struct {
	t       *testing.T
	addr    string
	players map[string]*player
	order   []*player
}

type player struct {
	name string
	ws   *websocket.Conn
	io   bool
	got  chan string
	seen []string // came, and no line has asked for it yet
}

func (st *stage) close() {
	for _, p := range st.order {
		_ = p.ws.Close()
		for range p.got { // until its reader has ended
		}
	}
}

// enter connects the user that a line is about.
func (st *stage) enter(line string) {
	name, rest, _ := strings.Cut(line, " ")
	if st.players[name] != nil {
		return
	}
	u := url.URL{Scheme: "ws", Host: st.addr, Path: "/ws", RawQuery: "userId=" + name}
	p := &player{name: name, got: make(chan string, 64), io: strings.HasPrefix(rest, "⇐")}
	if p.io {
		u.Path, u.RawQuery = "/socket.io/", "EIO=4&transport=websocket&userId="+name
	}
	ws, _, err := websocket.DefaultDialer.Dial(u.String(), nil)
	if err != nil {
		st.t.Fatalf("%s can not connect: %v", name, err)
	}
	p.ws = ws
	st.players[name], st.order = p, append(st.order, p)
	go func() {
		defer close(p.got)
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				return
			}
			p.got <- string(b)
		}
	}()
	if p.io {
		connect := "40"
		if strings.Contains(rest, "extended") {
			connect = `40{"tandem":1}`
		}
		st.send(p, connect)
		st.expect(p, `40{"sid":"…"}`)
		return
	}
	if !strings.Contains(line, `"hello"`) {
		st.expect(p, `{"event":"hello","args":["…"]}`)
	}
}

func (st *stage) play(line string) {
	name, rest, _ := strings.Cut(line, " ")
	verb, text, _ := strings.Cut(rest, " ")
	p := st.players[name]
	switch verb {
	case "→":
		st.send(p, text)
	case "←":
		st.expect(p, text)
	case "⇐":
	default:
		st.t.Fatalf("not a line of an example: %q", line)
	}
}

func (st *stage) send(p *player, text string) {
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		st.t.Fatalf("%s: %v", p.name, err)
	}
}

// expect finds a frame like the one shown among those that came and no line has
// asked for yet, or waits for it: presence lists and call:state come in between,
// and an acknowledgement and an event may come in either order.
func (st *stage) expect(p *player, want string) {
	st.t.Helper()
	for i, got := range p.seen {
		if alike(got, want) {
			p.seen = append(p.seen[:i], p.seen[i+1:]...)
			return
		}
	}
	timeout := time.After(5 * time.Second)
	for {
		select {
		case got, ok := <-p.got:
			if !ok {
				st.t.Fatalf("%s was disconnected, waiting for %s; came: %s", p.name, want, strings.Join(p.seen, "\n"))
			}
			if alike(got, want) {
				return
			}
			p.seen = append(p.seen, got)
		case <-timeout:
			st.t.Fatalf("%s did not get\n%s\nbut\n%s", p.name, want, strings.Join(p.seen, "\n"))
		}
	}
}

// alike compares a frame with an example: the digits in front of a Socket.IO
// packet literally, the JSON by likeJSON.
func alike(got, want string) bool {
	head := func(s string) (string, string) {
		i := strings.IndexAny(s, "[{")
		if i < 0 {
			return s, "null"
		}
		return s[:i], s[i:]
	}
	gh, gb := head(got)
	wh, wb := head(want)
	var g, w any
	return gh == wh && json.Unmarshal([]byte(gb), &g) == nil && json.Unmarshal([]byte(wb), &w) == nil && likeJSON(g, w)
}

func likeJSON(got, want any) bool {
	switch w := want.(type) {
	case string:
		if w == "…" {
			return got != nil
		}
		return got == want
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range w {
			have, ok := g[k]
			if !ok || !likeJSON(have, v) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !likeJSON(g[i], w[i]) {
				return false
			}
		}
		return true
	}
	return got == want
}

// TestM6_ProtocolRoutes holds the table of HTTP routes against the server, both
// ways: what is written is answered, what is answered is written.
func TestM6_ProtocolRoutes(t *testing.T) {
	_, doc, ok := strings.Cut(documented(t, "PROTOCOL.md"), "## 7. HTTP")
	if !ok {
		t.Fatal("PROTOCOL.md has no section 7")
	}
	app, _, _ := start(t, testConfig(t, "--jwt-secret="+testSecret, "--listen=127.0.0.1", "--server-keys=a key of a back end"), nil)
	c := httpClient(t)
	param := regexp.MustCompile(`\{[a-zA-Z]+\}`)
	written := map[string]bool{}
	for _, m := range regexp.MustCompile("`(GET|POST|PUT|PATCH|DELETE) (/[^` ]*)`").FindAllStringSubmatch(doc, -1) {
		written[m[1]+" "+param.ReplaceAllString(m[2], "{id}")] = true
		req, err := http.NewRequestWithContext(t.Context(), m[1], app.URL()+param.ReplaceAllString(m[2], "x"), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		want := http.StatusUnauthorized // nobody asks: the route is there and says so
		if !strings.HasPrefix(m[2], "/api/") {
			want = http.StatusOK
		}
		if res.StatusCode != want {
			t.Errorf("%s %s is answered with %d", m[1], m[2], res.StatusCode)
		}
	}
	for _, route := range app.web.ChatRoutes() {
		if !written[route] {
			t.Errorf("PROTOCOL.md does not have %s", route)
		}
	}
}

// TestProtocolTables holds PROTOCOL.md against the tables of package wire, both
// ways.
func TestProtocolTables(t *testing.T) {
	doc := documented(t, "PROTOCOL.md")
	part := func(from, to string) string {
		_, rest, ok := strings.Cut(doc, from)
		s, _, ok2 := strings.Cut(rest, to)
		if !ok || !ok2 {
			t.Fatalf("PROTOCOL.md has no part %q", from)
		}
		return s
	}
	rows := func(s string) (n int) {
		for line := range strings.SplitSeq(s, "\n") {
			if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| code") {
				n++
			}
		}
		return n
	}
	errors := part("## 5. Errors", "## 6.")
	for _, c := range wire.Codes() {
		if row := fmt.Sprintf("| `%s` | %d | %s |", c, c.HTTPStatus(), c.Message()); !strings.Contains(errors, row) {
			t.Errorf("missing: %s", row)
		}
	}
	if n := rows(errors); n != len(wire.Codes()) {
		t.Errorf("%d rows for %d error codes", n, len(wire.Codes()))
	}
	closes := part("## 6. Close codes", "## 7.")
	for _, c := range wire.CloseCodes() {
		final := ""
		if c.Final {
			final = "final"
		}
		if row := fmt.Sprintf("| %d | %s | `%s` | %s |", c.Code, final, c.Reason, c.Means); !strings.Contains(closes, row) {
			t.Errorf("missing: %s", row)
		}
	}
	if n := rows(closes); n != len(wire.CloseCodes()) {
		t.Errorf("%d rows for %d close codes", n, len(wire.CloseCodes()))
	}
}

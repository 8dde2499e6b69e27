package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guest is a client in raw packets.
type guest struct {
	t *testing.T
	*websocket.Conn
}

func (g *guest) send(packet string) {
	g.t.Helper()
	if err := g.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) want(prefix string) {
	g.t.Helper()
	_ = g.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, b, err := g.ReadMessage()
	if err != nil || !strings.HasPrefix(string(b), prefix) {
		g.t.Fatalf("got %q %v, want %q", b, err, prefix)
	}
}

func TestChat(t *testing.T) {
	srv, err := newChat()
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv)
	defer web.Close()
	defer srv.Close()
	enter := func(auth, answer string) *guest {
		c, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(web.URL, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		g := &guest{t, c}
		g.want("0{")
		g.send("40" + auth)
		g.want(answer)
		return g
	}
	enter("", `44{"message":"who are you?","data":{"missing":"name"}}`)
	ann := enter(`{"name":"ann"}`, `40{"sid":`)
	ben := enter(`{"name":"ben"}`, `40{"sid":`)
	ann.send(`420["join","lobby"]`)
	ann.want(`430[["ann"]]`)
	ben.send(`42["say","lobby","nobody hears this"]`)
	ben.send(`420["join","lobby"]`)
	ann.want(`42["joined","lobby","ben"`)
	ben.want(`430[["`)
	ben.send(`421["say","lobby","hi"]`)
	ann.want(`42["said","lobby","ben","hi"`)
	ben.want(`431[]`)
	ben.send(`451-["say","lobby","look",{"_placeholder":true,"num":0}]`)
	if err := ben.WriteMessage(websocket.BinaryMessage, []byte("picture")); err != nil {
		t.Fatal(err)
	}
	ann.want(`451-["said","lobby","ben","look",{"_placeholder":true,"num":0}`)
	ann.want("picture")
	ben.send("41")
	ann.want(`42["left","ben","client namespace disconnect"`)
}

package wsconn

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func TestUpgrade_Refused(t *testing.T) {
	s := newSite(t, Config{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "http://evil" }, Subprotocols: []string{"b", "a"}}, nil)
	for want, header := range map[int]http.Header{
		http.StatusBadRequest: {},
		http.StatusForbidden: {"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {"http://evil"}},
	} {
		req, _ := http.NewRequest(http.MethodGet, s.http.URL, nil)
		req.Header = header
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode != want {
			t.Errorf("%v, %v, want %d", res, err, want)
		}
		_ = res.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	ws, r := s.dial(&websocket.Dialer{Subprotocols: []string{"a", "b"}})
	if ws.Subprotocol() != "b" || r.Subprotocol() != "b" {
		t.Errorf("subprotocol %q, %q", ws.Subprotocol(), r.Subprotocol())
	}
	if r.RemoteAddr() != ws.LocalAddr().String() {
		t.Errorf("remote %q", r.RemoteAddr())
	}
	// A client that does not wait for the answer.
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_, _ = nc.Write(append([]byte(handshake), masked(0x81, "early")...))
	if b, _ := io.ReadAll(nc); len(b) != 0 {
		t.Errorf("early data was answered: %q", b)
	}
}

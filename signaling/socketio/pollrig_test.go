package socketio_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// poller is a client that polls.
type poller struct {
	r   *rig
	url string
}

func (r *rig) poll() *poller {
	r.t.Helper()
	p := &poller{r, r.url + "/socket.io/?EIO=4&transport=polling"}
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(p.get()[0][1:]), &open); err != nil {
		r.t.Fatal(err)
	}
	p.url += "&sid=" + open.SID
	return p
}

// get polls once and returns the packets, messages without their type.
func (p *poller) get() []string {
	p.r.t.Helper()
	res, err := http.Get(p.url)
	if err != nil {
		p.r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		p.r.t.Fatalf("poll: %d %q %v", res.StatusCode, b, err)
	}
	return strings.Split(string(b), "\x1e")
}

func (p *poller) post(packet string) {
	p.r.t.Helper()
	res, err := http.Post(p.url, "text/plain;charset=UTF-8", strings.NewReader(packet))
	if err != nil {
		p.r.t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(b) != "ok" {
		p.r.t.Fatalf("post: %d %q", res.StatusCode, b)
	}
}

func (p *poller) connected() (s session) {
	p.r.t.Helper()
	packet := p.get()[0]
	if err := json.Unmarshal([]byte(strings.TrimPrefix(packet, "40")), &s); err != nil || s.SID == "" {
		p.r.t.Fatalf("CONNECT answered with %q", packet)
	}
	return s
}

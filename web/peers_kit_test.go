package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/memory"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/sio"
	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/wheel"
)

var peerKey = []byte("the key that the nodes share")

// book is where the nodes of a test listen for each other, by tag.
type book struct {
	mu   sync.Mutex
	addr map[string]string
}

func (b *book) put(tag, addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.addr == nil {
		b.addr = make(map[string]string)
	}
	b.addr[tag] = addr
}

func (b *book) forget(tag string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.addr, tag)
}

func (b *book) find(tag string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	addr, ok := b.addr[tag]
	return addr, ok
}

// peerNode is a whole node: public side, peer listener, switchboard.
type peerNode struct {
	t     testing.TB
	sw    *signaling.Switchboard
	io    *sio.Server
	peers *Peers
	url   string // http://… of the public side
	host  string
	addr  string // of the peer listener
	stop  func()
}

// peerNodes makes n nodes of one cluster.
func peerNodes(t testing.TB, n int, change func(*PeersConfig, *socketio.Config)) []*peerNode {
	t.Helper()
	cluster, err := memory.New(memory.Config{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	nodes, known := make([]*peerNode, n), new(book)
	for i := range nodes {
		nodes[i] = newPeerNode(t, cluster, known, fmt.Sprint("n", i), change)
	}
	return nodes
}

func newPeerNode(t testing.TB, cluster *memory.Cluster, known *book, name string, change func(*PeersConfig, *socketio.Config)) *peerNode {
	t.Helper()
	w := wheel.New(wheel.Config{Tick: 5 * time.Millisecond})
	v := newVerifier(t, auth.Config{Secret: testSecret})
	sw, err := signaling.New(signaling.Config{}, signaling.Parts{Wheel: w, Verify: v.Verify}, func(h presence.Handler) (presence.Store, error) {
		return cluster.Join(name, h)
	})
	if err != nil {
		t.Fatal(err)
	}
	self := sw.Tag()
	pc := PeersConfig{Key: peerKey, Now: sw.Now, Self: sw.Tag, FindTimeout: 100 * time.Millisecond, Logger: quiet(), Registry: prometheus.NewRegistry(), Find: func(tag string) (string, bool) {
		if tag == self {
			return "", false
		}
		return known.find(tag)
	}}
	ic := socketio.Config{Recovery: socketio.Recovery{Window: 5 * time.Second}}
	ic.Engine.Wheel = w
	if change != nil {
		change(&pc, &ic)
	}
	peers, l := newPeers(t, pc)
	ic.Engine.Unknown = peers.Forward
	origins, err := auth.NewOrigins("https://app.example")
	if err != nil {
		t.Fatal(err)
	}
	io, err := sio.NewServer(sio.Config{IO: ic, Verifier: v, Origins: origins, Key: peerKey, Logger: quiet()}, sw)
	if err != nil {
		t.Fatal(err)
	}
	servePeers(t, peers, l, io)
	known.put(self, l.Addr().String())
	door := newServer(t, func(_ *Config, p *Parts) { p.SocketIO = io })
	host := serve(t, door)
	n := &peerNode{t: t, sw: sw, io: io, peers: peers, url: "http://" + host, host: host, addr: l.Addr().String()}
	n.stop = sync.OnceFunc(func() {
		io.Close()
		_ = peers.Close()
		sw.Close()
		w.Close()
	})
	t.Cleanup(n.stop)
	return n
}

// newPeers makes a Peers and its listener, which nobody serves yet.
func newPeers(t testing.TB, cfg PeersConfig) (*Peers, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPeers(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, l
}

func servePeers(t testing.TB, p *Peers, l net.Listener, h http.Handler) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.Serve(l, h) }()
	t.Cleanup(func() {
		_ = p.Close()
		if err := <-done; err != nil {
			t.Errorf("serving peers: %v", err)
		}
	})
}

// poller polls; each of its requests goes to the next node.
type poller struct {
	t     testing.TB
	c     *http.Client
	nodes []*peerNode
	turn  int
	sid   string
	inbox []string // packets that a poll brought beyond what was asked for
}

// open makes a session on the first node.
func open(t testing.TB, nodes ...*peerNode) *poller {
	t.Helper()
	p := &poller{t: t, c: client(t), nodes: nodes}
	var hello struct{ SID string }
	if err := json.Unmarshal([]byte(p.packet()[1:]), &hello); err != nil {
		t.Fatal(err)
	}
	p.sid = hello.SID
	return p
}

// join opens a session and signs in.
func (p *poller) join(user string) {
	p.t.Helper()
	token, err := auth.Mint(testSecret, user, time.Now(), time.Hour, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.post(`40{"token":"` + token + `"}`)
	p.wants("40")
}

// at is the address for the next request.
func (p *poller) at() string {
	n := p.nodes[p.turn%len(p.nodes)]
	p.turn++
	u := n.url + "/socket.io/?EIO=4&transport=polling"
	if p.sid != "" {
		u += "&sid=" + p.sid
	}
	return u
}

func (p *poller) do(method, body string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.at(), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.c.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res, string(b)
}

func (p *poller) post(payload string) {
	p.t.Helper()
	if res, b := p.do(http.MethodPost, payload); res.StatusCode != 200 || b != "ok" {
		p.t.Fatalf("post: %d %s", res.StatusCode, b)
	}
}

// packet is the next packet; it polls if there is none.
func (p *poller) packet() string {
	p.t.Helper()
	for len(p.inbox) == 0 {
		res, b := p.do(http.MethodGet, "")
		if res.StatusCode != 200 {
			p.t.Fatalf("poll: %d %s", res.StatusCode, b)
		}
		for packet := range strings.SplitSeq(b, "\x1e") {
			if packet != "6" {
				p.inbox = append(p.inbox, packet)
			}
		}
	}
	packet := p.inbox[0]
	p.inbox = p.inbox[1:]
	return packet
}

// wants reads on to a packet that begins so; pings are answered on the way.
func (p *poller) wants(prefix string) string {
	p.t.Helper()
	for {
		packet := p.packet()
		if packet == "2" {
			p.post("3")
		}
		if strings.HasPrefix(packet, prefix) {
			return packet
		}
	}
}

// counted reads tandem_peer_requests_total.
func counted(t testing.TB, p *Peers, direction, outcome string) float64 {
	t.Helper()
	var m dto.Metric
	if err := p.requests.WithLabelValues(direction, outcome).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// nobody is the tag of a node without sessions.
func nobody() string { return "" }

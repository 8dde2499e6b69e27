// Command streamrelay is the least that a relay on two nodes over Redis streams
// does: frames of local users are passed on as they came, those of others are
// appended to the stream of the other node, which reads its own. No checks, no
// presence, no order between batches in doubt, no confirmation: a floor to
// compare the figures of two nodes with (docs/figures.md), not a server.
package main

import (
	"bytes"
	"context"
	"flag"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	goredis "github.com/redis/go-redis/v9"
)

// A peer is one connection.
type peer struct {
	mu sync.Mutex
	ws *websocket.Conn
}

func (p *peer) write(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.ws.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_ = p.ws.WriteMessage(websocket.TextMessage, frame) // a broken one ends its reader
}

type relay struct {
	users sync.Map // name -> *peer
	rdb   *goredis.Client
	other string // stream of the other node
	out   chan []byte
}

func main() {
	addr := flag.String("addr", "127.0.0.1:3100", "loopback address to listen on")
	redis := flag.String("redis", "127.0.0.1:6379", "address of Redis")
	self := flag.String("self", "a", "name of this node's stream")
	other := flag.String("other", "b", "name of the other's")
	flag.Parse()
	r := &relay{rdb: goredis.NewClient(&goredis.Options{Addr: *redis, ReadTimeout: 10 * time.Second}), other: "relay:" + *other, out: make(chan []byte, 4096)}
	go r.write()
	go r.read("relay:" + *self)
	server := &http.Server{Addr: *addr, Handler: r, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// write appends what has queued up while the batch before was in flight.
func (r *relay) write() {
	ctx := context.Background()
	for frame := range r.out {
		batch := r.rdb.Pipeline()
		for n := 0; ; n++ {
			batch.XAdd(ctx, &goredis.XAddArgs{Stream: r.other, MaxLen: 100_000, Approx: true, Values: []any{"f", frame}})
			if len(r.out) == 0 || n == 1000 {
				break
			}
			frame = <-r.out
		}
		if _, err := batch.Exec(ctx); err != nil {
			log.Print(err)
		}
	}
}

// read hands on what has come.
func (r *relay) read(stream string) {
	last := "0"
	for {
		got, err := r.rdb.XRead(context.Background(), &goredis.XReadArgs{Streams: []string{stream, last}, Count: 1000, Block: 5 * time.Second}).Result()
		if err != nil || len(got) == 0 {
			continue
		}
		for _, m := range got[0].Messages {
			last = m.ID
			if f, ok := m.Values["f"].(string); ok {
				r.local([]byte(f))
			}
		}
	}
}

// local passes a frame to its user, if that is here.
func (r *relay) local(frame []byte) bool {
	to, ok := r.users.Load(target(frame))
	if ok {
		to.(*peer).write(frame)
	}
	return ok
}

// target is whom a frame names.
func target(frame []byte) string {
	for _, key := range []string{`"to":"`, `"receiverId":"`} {
		if _, rest, ok := bytes.Cut(frame, []byte(key)); ok {
			name, _, _ := bytes.Cut(rest, []byte{'"'})
			return string(name)
		}
	}
	return ""
}

// ServeHTTP speaks as much Socket.IO as a load generator needs.
func (r *relay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	up := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 4096, WriteBufferPool: &pool}
	ws, err := up.Upgrade(w, q, nil)
	if err != nil {
		return
	}
	name := q.URL.Query().Get("userId")
	p := &peer{ws: ws}
	r.users.Store(name, p)
	p.write([]byte(`0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`))
	go func() {
		defer func() { _ = ws.Close() }()
		defer r.users.CompareAndDelete(name, p)
		for {
			_, frame, err := ws.ReadMessage()
			switch {
			case err != nil:
				return
			case string(frame) == "40":
				p.write([]byte(`40{"sid":"x"}`))
			case !r.local(frame):
				r.out <- frame
			}
		}
	}()
}

var pool sync.Pool

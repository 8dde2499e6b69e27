package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

// device is a user on /ws.
type device struct {
	t  *testing.T
	ws *websocket.Conn
	n  int
}

func connect(t *testing.T, app *App, user string) *device {
	t.Helper()
	u := url.URL{Scheme: "ws", Host: strings.TrimPrefix(app.URL(), "http://"), Path: "/ws", RawQuery: "userId=" + user}
	ws, _, err := websocket.DefaultDialer.Dial(u.String(), http.Header{"Authorization": {"Bearer " + tokenOf(t, user)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	d := &device{t: t, ws: ws}
	d.hears("hello")
	return d
}

// ask sends an event and gives the acknowledgement.
func (d *device) ask(event, payload string) string {
	d.t.Helper()
	d.n++
	text := fmt.Sprintf(`{"event":%q,"args":[%s],"id":%d}`, event, payload, d.n)
	if err := d.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		d.t.Fatal(err)
	}
	return d.until(fmt.Sprintf(`"ack":%d`, d.n))
}

func (d *device) hears(event string) string { return d.until(fmt.Sprintf("%q", event)) }

func (d *device) until(part string) string {
	d.t.Helper()
	_ = d.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, b, err := d.ws.ReadMessage()
		if err != nil {
			d.t.Fatalf("waiting for %s: %v", part, err)
		}
		if strings.Contains(string(b), part) {
			return string(b)
		}
	}
}

func (d *device) leave() {
	_ = d.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	_ = d.ws.Close()
}

func tokenOf(t *testing.T, user string) string {
	t.Helper()
	token, err := auth.Mint(testSecret, user, time.Now(), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// subscribe registers a browser over HTTP.
func subscribe(t *testing.T, app *App, user string, sub push.Subscription) {
	t.Helper()
	body, err := json.Marshal(sub)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, app.URL()+"/api/push/subscriptions", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+tokenOf(t, user))
	res, err := httpClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("subscribing: %d", res.StatusCode)
	}
}

const offerText = `"signal":{"type":"offer","sdp":"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"}`

// TestC5_PushWakesBrowsers plays what a site with Web Push sees, on one node and
// on two: a call to somebody who is offline rings in their browser and for who
// wakes up, its end is pushed too, and messages are while nobody is there.
func TestC5_PushWakesBrowsers(t *testing.T) {
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--jwt-secret=" + testSecret, "--listen=127.0.0.1", "--vapid-private-key=" + key.Private, "--vapid-subject=mailto:ops@example.com", "--offline-grace=50ms", "--drain-timeout=1s"}
	for _, nodes := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			recv := pushtest.NewReceiver(t, key.Public)
			all := append([]string{"--push-hosts=" + recv.URL}, args...)
			if nodes > 1 {
				all = append(all, "--redis-url="+redistest.Start(t).URL())
			}
			apps := make([]*App, nodes)
			for i := range apps {
				apps[i], _, _ = start(t, testConfig(t, all...), nil)
			}
			first, last := apps[0], apps[nodes-1]
			browser := recv.Browser()
			subscribe(t, first, "bob", browser)

			alice := connect(t, last, "alice")
			ack := alice.ask("call:user", `{"to":"bob","callerName":"Alice",`+offerText+`}`)
			if !strings.Contains(ack, `"ringing"`) {
				t.Fatalf("bob is offline, and can be woken: %s", ack)
			}
			p := recv.Next()
			id, _ := p.Data["callId"].(string)
			if p.Is() != "call" || p.Endpoint != browser.Endpoint || p.Data["from"] != "alice" || p.Data["name"] != "Alice" || p.Urgency != "high" || !strings.Contains(ack, id) {
				t.Fatalf("%+v; %s", p, ack)
			}
			if p.TTL != "30" && p.TTL != "29" {
				t.Errorf("TTL %s", p.TTL)
			}
			bob := connect(t, first, "bob")
			if in := bob.hears("call:incoming"); !strings.Contains(in, id) {
				t.Errorf("bob woke up to %s", in)
			}
			bob.ask("call:answer", `{"to":"alice","signal":{"type":"answer","sdp":"v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\n"}}`)
			if over := recv.Next(); over.Is() != "call-over" || over.Topic != p.Topic || over.Data["reason"] != "answered_elsewhere" || over.Data["missed"] != nil {
				t.Errorf("%+v", over)
			}
			alice.ask("call:end", `{"to":"bob"}`)

			// While bob is there a call rings, too, and a message needs no push.
			if nodes == 1 { // two have no store of messages
				alice.ask("message:send", `{"to":"bob","text":"seen","clientId":"1"}`)
			}
			ack = alice.ask("call:user", `{"to":"bob",`+offerText+`}`)
			if p := recv.Next(); p.Is() != "call" || p.Data["name"] == "Alice" {
				t.Errorf("%+v", p)
			}
			alice.ask("call:end", `{"to":"bob"}`)
			if over := recv.Next(); over.Is() != "call-over" || over.Data["reason"] != "cancelled" || over.Data["missed"] != true || over.TTL != "86400" {
				t.Errorf("%+v; %s", over, ack)
			}
			alice.ask("presence:watch", `{"users":["bob"]}`)
			bob.leave()
			if nodes == 1 {
				alice.until(`"online":false`)
				alice.ask("message:send", `{"to":"bob","text":"are you there?","clientId":"2"}`)
				if m := recv.Next(); m.Is() != "message" || m.Data["text"] != "are you there?" || m.Data["from"] != "alice" || m.Urgency != "normal" {
					t.Errorf("%+v", m)
				}
			}
			if n := recv.Pending(); n != 0 {
				t.Errorf("%d more pushes", n)
			}
		})
	}
}

func TestPushKeysStay(t *testing.T) {
	c := httpClient(t)
	key := func(app *App) string {
		t.Helper()
		_, body := get(t, c, app.URL()+"/api/push/key?userId=alice")
		return body
	}
	cfg := testConfig(t)
	app, _, stop := start(t, cfg, nil)
	kept := key(app)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat("data/vapid.key"); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	app, _, _ = start(t, cfg, nil)
	if again := key(app); again != kept || !strings.Contains(kept, `"key":"B`) {
		t.Errorf("%s, and after a restart %s", kept, again)
	}

	// Nodes with one secret have one key, whatever Redis forgets.
	redis := redistest.Start(t)
	nodes := make([]string, 3)
	for i, secret := range []string{"one secret of the cluster", "one secret of the cluster", "another secret of another"} {
		app, _, _ := start(t, testConfig(t, "--redis-url="+redis.URL(), "--cluster-secret="+secret, fmt.Sprintf("--redis-prefix=p%d:", i)), nil)
		nodes[i] = key(app)
	}
	if nodes[0] != nodes[1] || nodes[0] == nodes[2] || nodes[0] == kept {
		t.Errorf("%q", nodes)
	}
}

func TestPushFlags(t *testing.T) {
	elsewhere(t)
	key, err := push.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"VAPID_PRIVATE_KEY":              {"--vapid-private-key=x"},
		"does not belong":                {"--vapid-private-key=" + key.Private, "--vapid-public-key=" + key.Private},
		"of no use without":              {"--vapid-public-key=" + key.Public},
		"--vapid-subject has to be":      {"--vapid-subject=me"},
		"--push-hosts":                   {"--push-hosts=https://x/path"},
		"--offline-ring can not be nega": {"--offline-ring=-1s"},
	} {
		if _, err := parseServe(t, args...); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key.Private) {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, tt := range []struct {
		args          []string
		offline, wake time.Duration
	}{{nil, 0, 30 * time.Second}, {[]string{"--offline-ring=0s"}, 0, 0}, {[]string{"--offline-ring=5s"}, 5 * time.Second, 0}} {
		cfg, err := parseServe(t, tt.args...)
		if err != nil {
			t.Fatal(err)
		}
		if s := cfg.signaling(discard()); s.Call.OfflineRing != tt.offline || s.WakeRing != tt.wake {
			t.Errorf("%v: %v, %v", tt.args, s.Call.OfflineRing, s.WakeRing)
		}
	}
	cfg, err := parseServe(t, "--frontend-url=http://a.example, https://b.example")
	if err != nil || cfg.push(deps{}).Subject != "https://b.example" {
		t.Errorf("subject %q, %v", cfg.push(deps{}).Subject, err)
	}
}

func TestPushOff(t *testing.T) {
	app, _, _ := start(t, testConfig(t, "--no-push"), nil)
	if status, body := get(t, httpClient(t), app.URL()+"/api/push/key?userId=alice"); status != http.StatusNotImplemented || !strings.Contains(body, "not_configured") {
		t.Errorf("%d %s", status, body)
	}
	if _, err := os.Stat("data/vapid.key"); err == nil {
		t.Error("a key was made")
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
)

// post sends JSON and gives status and body.
func post(t *testing.T, c *http.Client, url, body string) (int, string) {
	t.Helper()
	res, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

func TestM5_WhereMessagesAre(t *testing.T) {
	redis := "--redis-url=redis://" + redistest.Start(t).Addr
	for _, tt := range []struct {
		name   string
		args   []string
		file   string // "": no messages
		banner string
	}{
		{"alone", nil, "data/tandem.db", "kept, with the log of calls, in "},
		{"alone, named", []string{"--data-dir=a/b"}, "a/b/tandem.db", "a/b/tandem.db"},
		{"alone, for a month", []string{"--retention=720h"}, "data/tandem.db", "tandem.db for 720h0m0s"},
		{"none", []string{"--no-chat"}, "", "not kept (--no-chat)"},
		{"none, whatever else", []string{"--no-chat", "--data-dir=a", redis, "--cluster-secret=" + testSecret}, "", "not kept (--no-chat)"},
		{"redis", []string{redis, "--cluster-secret=" + testSecret}, "", "NOT KEPT: a file of one node is of no use to many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, _, stop := start(t, testConfig(t, append(tt.args, "--admin-listen=127.0.0.1:0", "--frontend-url=*")...), nil)
			var banner bytes.Buffer
			app.announce(&banner, true)
			if !strings.Contains(banner.String(), tt.banner) {
				t.Errorf("no %q in %s", tt.banner, banner.String())
			}
			c := httpClient(t)
			_, ready := get(t, c, app.AdminURL()+"/readyz")
			status, history := get(t, c, app.URL()+"/api/messages/bob?userId=alice")
			if tt.file == "" {
				if status != 501 || !strings.Contains(history, "not_configured") || !strings.Contains(ready, `"chat":"off"`) {
					t.Errorf("%d %s; %s", status, history, ready)
				}
			} else if status != 200 || history != "[]" || !strings.Contains(ready, `"chat":"sqlite"`) {
				t.Errorf("%d %s; %s", status, history, ready)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			found, err := filepath.Glob("*")
			if err != nil {
				t.Fatal(err)
			}
			if tt.file == "" {
				if len(found) > 0 {
					t.Errorf("there are %v", found)
				}
				return
			}
			dir, err := os.Stat(filepath.Dir(tt.file))
			if err != nil || dir.Mode().Perm() != 0o700 {
				t.Errorf("%v %v", dir, err)
			}
			if file, err := os.Stat(tt.file); err != nil || file.Mode().Perm() != 0o600 {
				t.Errorf("%v %v", file, err)
			}
		})
	}
}

func TestM5_TwoPlacesAreRefused(t *testing.T) {
	elsewhere(t)
	for _, tt := range []struct{ args, want string }{
		{"--data-dir=x --redis-url=redis://127.0.0.1:1 --cluster-secret=" + strings.ReplaceAll(testSecret, " ", "-"), "--data-dir and REDIS_URL do not go together"},
		{"--data-dir=x --mongo-uri=mongodb://m", "--data-dir and MONGO_DB_URI name two places"},
		{"--history-limit=0", "--history-limit"},
		{"--history-limit=10001", "--history-limit"},
		{"--retention=-1s", "--retention"},
	} {
		if _, err := parseServe(t, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.args, err, tt.want)
		}
	}
}

// TestM5_UnusablePlaces: the text says what is wrong and what to do.
func TestM5_UnusablePlaces(t *testing.T) {
	cfg := testConfig(t)
	writeFile(t, ".", "file", "text")
	if err := os.MkdirAll("other", 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "other", dataFile, "this is no database, but a text that somebody named like one")
	for _, dir := range []string{"file", "file/below", "other"} {
		cfg.Chat.DataDir = dir
		_, err := Open(t.Context(), cfg, discard())
		if err == nil || !strings.Contains(err.Error(), "--data-dir") || !strings.Contains(err.Error(), "--no-chat") || !strings.Contains(err.Error(), strings.SplitN(dir, "/", 2)[0]) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestM1_MessagesOutliveARestart(t *testing.T) {
	cfg := testConfig(t, "--admin-listen=127.0.0.1:0")
	c := httpClient(t)
	app, _, stop := start(t, cfg, nil)
	for i := range 3 {
		if status, body := post(t, c, app.URL()+"/api/messages/send/bob?userId=alice", fmt.Sprintf(`{"text":"m%d"}`, i)); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	_, metrics := get(t, c, app.AdminURL()+"/metrics")
	for _, want := range []string{"tandem_chat_stored_total 3", `tandem_chat_seconds_count{operation="add"} 3`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	app, _, _ = start(t, cfg, nil)
	_, body := get(t, c, app.URL()+"/api/messages/alice?userId=bob")
	var list []struct{ Message string }
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 3 || list[0].Message != "m0" {
		t.Fatalf("%v %s", err, body)
	}
}

func TestM8_RetentionDeletes(t *testing.T) {
	app, log, _ := start(t, testConfig(t, "--retention=1s"), nil)
	c := httpClient(t)
	if status, body := post(t, c, app.URL()+"/api/messages/send/bob?userId=alice", `{"text":"soon gone"}`); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	deadline := time.Now().Add(15 * time.Second)
	for {
		if _, body := get(t, c, app.URL()+"/api/messages/alice?userId=bob"); body == "[]" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is still there; log: %s", log)
		}
		time.Sleep(50 * time.Millisecond) // polling with a deadline
	}
}

// TestM8_RetentionIsBounded: many at once go in several steps, and only what is
// old enough.
func TestM8_RetentionIsBounded(t *testing.T) {
	store := newStore(t, sqlite.DefaultConfig(filepath.Join(t.TempDir(), "x.db")))
	for i := range 1200 {
		if _, _, err := store.Add(t.Context(), chat.Message{Sender: "a", Receiver: "b", Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	counted := &countedCustody{Custody: store}
	job := retention{store: counted, keep: time.Hour, now: time.Now}
	if n, err := job.pass(t.Context()); n != 0 || err != nil {
		t.Fatalf("%d %v", n, err)
	}
	job.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	counted.passes = 0
	if n, err := job.pass(t.Context()); n != 1200 || err != nil || counted.passes < 3 {
		t.Fatalf("%d in %d steps, %v", n, counted.passes, err)
	}
}

type countedCustody struct {
	chat.Custody
	passes int
}

func (c *countedCustody) Expire(ctx context.Context, before time.Time) (int, error) {
	c.passes++
	return c.Custody.Expire(ctx, before)
}

func newStore(t *testing.T, cfg sqlite.Config) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// TestM8_DataExportAndErase works on the file of a server, once beside it.
func TestM8_DataExportAndErase(t *testing.T) {
	cfg := testConfig(t, "--data-dir=d")
	app, _, stop := start(t, cfg, nil)
	c := httpClient(t)
	for _, pair := range [][2]string{{"alice", "bob"}, {"carol", "alice"}, {"carol", "bob"}} {
		if status, body := post(t, c, app.URL()+"/api/messages/send/"+pair[1]+"?userId="+pair[0], `{"text":"from `+pair[0]+` <to> `+pair[1]+`"}`); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	tandem := func(args ...string) (code int, out, errs string) {
		var o, e bytes.Buffer
		code = run(context.Background(), args, &o, &e)
		return code, o.String(), e.String()
	}
	code, out, errs := tandem("data", "export", "--user=alice", "--data-dir=d")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 2 || !strings.Contains(lines[0], "from alice <to> bob") || !strings.Contains(lines[1], "from carol <to> alice") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	var line struct {
		Message struct {
			ID       string `json:"_id"`
			SenderID string `json:"senderId"`
		} `json:"message"`
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || line.Message.ID == "" || line.Message.SenderID != "alice" {
		t.Fatalf("%v %s", err, lines[0])
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	store, err := sqlite.Open(t.Context(), sqlite.DefaultConfig("d/"+dataFile))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	record := call.Record{ID: "c1", Caller: "bob", Callee: "alice", Reason: call.Hangup, Started: now, Answered: now, Ended: now.Add(time.Second), Duration: time.Second}
	if err := store.LogCall(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if err := store.Block(t.Context(), "alice", "mallory"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, out, _ = tandem("data", "export", "--user=alice", "--data-dir=d")
	for _, want := range []string{`"callId":"c1"`, `"durationMs":1000`, `{"blocked":"mallory"}`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	if code, out, errs := tandem("data", "erase", "--user=alice", "--data-dir=d"); code != 0 || !strings.Contains(out, "alice is erased: 2 messages") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if code, out, _ := tandem("data", "export", "--user=alice", "--data-dir=d"); code != 0 || out != "" {
		t.Fatalf("%d %s", code, out)
	}
	if _, out, _ := tandem("data", "export", "--user=bob", "--data-dir=d"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "from carol <to> bob") {
		t.Fatalf("bob's: %s", out)
	}

	for _, args := range [][]string{
		{"data", "export", "--user=alice", "--data-dir=nothing"}, {"data", "erase", "--user=alice"}, {"data", "export", "--user=null", "--data-dir=d"},
		{"data", "export"}, {"data"},
	} {
		if code, out, errs := tandem(args...); code == 0 || out != "" || errs == "" {
			t.Errorf("%v: %d %s %s", args, code, out, errs)
		}
	}
	if _, err := os.Stat("nothing"); err == nil {
		t.Error("asking made a directory")
	}
}

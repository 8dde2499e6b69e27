package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/chat/mongo/mongotest"
)

// texts are those of a history.
func texts(t *testing.T, body string) []string {
	t.Helper()
	var list []struct{ Message string }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	out := []string{}
	for _, m := range list {
		out = append(out, m.Message)
	}
	return out
}

func TestM5_NodesShareMongoDB(t *testing.T) {
	redis, db := "--redis-url=redis://"+redistest.Start(t).Addr, mongotest.Start(t)
	uri := db.URI("chat")
	c := httpClient(t)
	var urls []string
	for i := range 2 {
		app, _, _ := start(t, testConfig(t, redis, "--mongo-db-uri="+uri, "--cluster-secret="+testSecret, "--admin-listen=127.0.0.1:0", fmt.Sprint("--node-name=n", i)), nil)
		var banner bytes.Buffer
		app.announce(&banner, true)
		if want := "kept, with the log of calls, in MongoDB, database chat of " + db.Addr; !strings.Contains(banner.String(), want) {
			t.Errorf("no %q in %s", want, banner.String())
		}
		if _, ready := get(t, c, app.AdminURL()+"/readyz"); !strings.Contains(ready, `"chat":"mongodb"`) {
			t.Error(ready)
		}
		urls = append(urls, app.URL())
	}
	for i := range 4 {
		if status, body := post(t, c, fmt.Sprintf("%s/api/messages/send/bob?userId=alice", urls[i%2]), fmt.Sprintf(`{"text":"m%d"}`, i)); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	for _, u := range urls {
		_, body := get(t, c, u+"/api/messages/alice?userId=bob")
		if got := fmt.Sprint(texts(t, body)); got != "[m0 m1 m2 m3]" {
			t.Errorf("%s has %s", u, got)
		}
	}
}

// waitFor asks until f is content.
func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestM8_DataInMongoDB: export, erase and retention.
func TestM8_DataInMongoDB(t *testing.T) {
	uri := mongotest.Start(t).URI("chat")
	app, _, _ := start(t, testConfig(t, "--mongo-uri="+uri), nil)
	c := httpClient(t)
	for _, pair := range [][2]string{{"alice", "bob"}, {"carol", "alice"}, {"carol", "bob"}} {
		if status, body := post(t, c, app.URL()+"/api/messages/send/"+pair[1]+"?userId="+pair[0], `{"text":"from `+pair[0]+`"}`); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	tandem := func(args ...string) (code int, out, errs string) {
		var o, e bytes.Buffer
		code = run(context.Background(), args, &o, &e)
		return code, o.String(), e.String()
	}
	code, out, errs := tandem("data", "export", "--user=alice", "--mongo-db-uri="+uri)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 2 || !strings.Contains(lines[0], "from alice") || !strings.Contains(lines[1], "from carol") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	t.Setenv("MONGO_DB_URI", uri)
	if code, out, errs := tandem("data", "erase", "--user=alice"); code != 0 || !strings.Contains(out, "alice is erased: 2 messages") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if _, body := get(t, c, app.URL()+"/api/messages/alice?userId=bob"); body != "[]" {
		t.Errorf("left: %s", body)
	}
	if _, body := get(t, c, app.URL()+"/api/messages/carol?userId=bob"); len(texts(t, body)) != 1 {
		t.Errorf("another's: %s", body)
	}
	if code, out, errs := tandem("data", "export", "--user=alice", "--mongo-uri=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"); code == 0 || out != "" || !strings.Contains(errs, "MongoDB") {
		t.Errorf("a server that is not there: %d %s %s", code, out, errs)
	}
	start(t, testConfig(t, "--mongo-uri="+uri, "--retention=1s"), nil)
	waitFor(t, "old messages are deleted", func() bool {
		_, body := get(t, c, app.URL()+"/api/messages/carol?userId=bob")
		return body == "[]"
	})
}

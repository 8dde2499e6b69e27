package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

// data runs tandem data and returns what it printed.
func data(t *testing.T, what, user string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), append([]string{"data", what, "--user=" + user}, args...), &out, &errs); code != 0 {
		t.Fatalf("%s: %d %s", what, code, errs.String())
	}
	return out.String()
}

// A directory without messages, where webhooks wait, does not stand before the
// database that has them.
func TestM8_MessagesAreLookedForWhereTheyAre(t *testing.T) {
	elsewhere(t)
	const db = "--mongo-uri=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
	for dir, want := range map[string]string{"nothing": "server selection", "d": ""} {
		if dir == "d" {
			store, err := sqlite.Open(t.Context(), sqlite.DefaultConfig(dataFile))
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(store.Close(), os.Mkdir(dir, 0o700), os.Rename(dataFile, filepath.Join(dir, dataFile))); err != nil {
				t.Fatal(err)
			}
		}
		var out, errs bytes.Buffer
		code := run(context.Background(), []string{"data", "export", "--user=bob", "--data-dir=" + dir, db}, &out, &errs)
		if (code != 0) != (want != "") || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: %d %s", dir, code, errs.String())
		}
	}
}

// TestM8_BrowsersAreExportedAndErased: wherever they are kept, and nobody else's.
func TestM8_BrowsersAreExportedAndErased(t *testing.T) {
	server := redistest.Start(t).URL()
	for name, where := range map[string]struct{ serve, data []string }{
		"file":  {[]string{"--data-dir=f"}, []string{"--data-dir=f"}},
		"redis": {[]string{"--redis-url=" + server, "--redis-prefix=p:"}, []string{"--redis-url=" + server, "--redis-prefix=p:"}},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := push.NewKey()
			if err != nil {
				t.Fatal(err)
			}
			recv := pushtest.NewReceiver(t, key.Public)
			app, _, _ := start(t, testConfig(t, append(where.serve, "--jwt-secret="+testSecret, "--listen=127.0.0.1", "--push-hosts="+recv.URL)...), nil)
			mine, other := recv.Browser(), recv.Browser()
			subscribe(t, app, "bob", mine)
			subscribe(t, app, "eve", other)
			line := data(t, "export", "bob", where.data...)
			if !strings.HasPrefix(line, `{"browser":{"device":"`) || !strings.Contains(line, mine.Endpoint) || strings.Contains(line, mine.Keys.Auth) || strings.Count(line, "\n") != 1 {
				t.Errorf("bob's: %s", line)
			}
			if said := data(t, "erase", "bob", where.data...); !strings.Contains(said, "bob is erased: 0 messages") || !strings.Contains(said, "1 browsers") {
				t.Error(said)
			}
			if got := data(t, "export", "bob", where.data...); got != "" {
				t.Errorf("left: %s", got)
			}
			if got := data(t, "export", "eve", where.data...); !strings.Contains(got, other.Endpoint) {
				t.Errorf("eve's: %s", got)
			}
		})
	}
}

// TestM8_AnExportDoesNotSayWhoWasBlocked: who has blocked somebody is nothing that the
// blocked one is told, and of whom they do not want to hear they do not (C15).
func TestM8_AnExportDoesNotSayWhoWasBlocked(t *testing.T) {
	app, _, stop := start(t, testConfig(t, "--jwt-secret="+testSecret, "--listen=127.0.0.1", "--data-dir=d", "--ring-timeout=100ms"), nil)
	alice, bob := connect(t, app, "alice"), connect(t, app, "bob")
	bob.ask("user:block", `{"userId":"alice"}`)
	if ack := alice.ask("call:user", `{"to":"bob",`+offerText+`}`); !strings.Contains(ack, `"ringing"`) {
		t.Fatal(ack)
	}
	alice.hears("call:unavailable")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"alice": `"callee":"bob","reason":"no_answer"`, "bob": `{"blocked":"alice"}`} {
		if got := data(t, "export", user, "--data-dir=d"); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 || strings.Contains(got, "unheard") {
			t.Errorf("%s's:\n%s", user, got)
		}
	}
	store, err := sqlite.Open(t.Context(), sqlite.DefaultConfig("d/"+dataFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if list, _, err := store.Calls(t.Context(), "bob", "", 10); err != nil || len(list) != 1 || time.Since(list[0].Ended) > time.Minute {
		t.Errorf("kept: %+v, %v", list, err) // with the one that it is about, to go with both
	}
}

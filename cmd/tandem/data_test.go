package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
)

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
		var out, errs bytes.Buffer
		if code := run(context.Background(), []string{"data", "export", "--user=" + user, "--data-dir=d"}, &out, &errs); code != 0 {
			t.Fatalf("%d %s", code, errs.String())
		}
		if got := out.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 || strings.Contains(got, "unheard") {
			t.Errorf("%s's:\n%s", user, got)
		}
	}
	store, err := sqlite.Open(t.Context(), sqlite.DefaultConfig("d/"+dataFile))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if list, _, err := store.Calls(t.Context(), "bob", "", 10); err != nil || len(list) != 1 || time.Since(list[0].Ended) > time.Minute {
		t.Errorf("kept: %+v, %v", list, err) // with the one that it is about, to go with both
	}
}

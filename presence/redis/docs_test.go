package redis

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/presence"
	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/call"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	webhookredis "github.com/tandem-rtc/tandem/signaling/webhook/redis"
)

// page is what operators are told.
func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documented are the patterns of keys in the tables of docs/redis.md.
func documented(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	patterns := map[string]*regexp.Regexp{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:string|hash|set|sorted set|stream) \\|").FindAllStringSubmatch(page(t), -1) {
		exp := regexp.QuoteMeta(m[1])
		exp = regexp.MustCompile(`<[a-z ]+>`).ReplaceAllString(exp, ".+")
		patterns[m[1]] = regexp.MustCompile("^" + exp + "$")
	}
	return patterns
}

// Every key that keys.go can make is in docs/redis.md, and no other.
func TestDocs_EveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	k := keys{"tandem:"}
	have := []string{
		k.sessions("<user>"), k.info("<user>"), k.cachers("<user>"), k.watchers("<user>"), k.lost("<user>"), k.mark("<user>"),
		k.live("<user>"), k.last("<user>"), k.byClient("<user>") + "<id>", k.push("<user>"), k.anyPush(), k.pushOwner("<endpoint>"), k.call("<call>"),
		strings.Replace(k.due(0), "0", "<shard>", 1), strings.Replace(k.unsettled(0), "0", "<shard>", 1),
		k.lease("<node>"), k.inbox("<node>", "<epoch>"), k.users("<node>", "<epoch>"), k.nodes(), k.run(), k.asserted(), k.burying("<entry>"),
		k.online(), k.onlineVers(), k.onlineGone(), k.onlineCounter(), k.graces(), mirrorOnline, mirrorSockets,
		k.mirrorVers(mirrorOnline), k.mirrorGone(mirrorOnline), k.mirrorVers(mirrorSockets), k.mirrorGone(mirrorSockets),
	}
	have = append(have, webhookredis.Keys("tandem:", "<endpoint>")...)
	patterns := documented(t)
	for _, key := range have {
		if patterns[key] == nil {
			t.Errorf("docs/redis.md does not have %s", key)
		}
	}
	for p := range patterns {
		if !slices.Contains(have, p) {
			t.Errorf("docs/redis.md has %s, which there is not", p)
		}
	}
}

// A life of two nodes, as the user with the rights that docs/redis.md gives and
// over TLS: nothing is denied, and all keys that are found are documented.
func TestP8_DocumentedRightsAndKeys(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rs := redistest.StartTLS(t)
	acl := regexp.MustCompile(`(?m)^ACL SETUSER tandem (.+)$`).FindStringSubmatch(page(t))
	if acl == nil {
		t.Fatal("docs/redis.md has no ACL SETUSER tandem")
	}
	rs.MustCommand(append([]string{"ACL", "SETUSER", "tandem"}, strings.Fields(strings.Replace(acl[1], ">PASSWORD", ">s3cret", 1))...)...)
	rs.MustCommand("ACL", "SETUSER", "default", "nopass", "+@all")
	cfg := faultConfig(fmt.Sprintf("rediss://tandem:s3cret@%s?ca=%s", rs.Secure, rs.CA))
	cfg.Lease, cfg.OfflineGrace = time.Second, 500*time.Millisecond

	wrong := cfg
	wrong.URL = strings.Replace(cfg.URL, "s3cret", "else", 1)
	if _, err := Join(ctx, wrong, "x", nil); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("joined with a wrong password: %v", err)
	}
	wrong.URL, _, _ = strings.Cut(cfg.URL, "?")
	until(t, "it does not join without knowing the certificate", func() bool {
		_, err := Join(ctx, wrong, "x", nil)
		if err == nil {
			t.Fatal("it has joined")
		}
		return strings.Contains(err.Error(), "certificate") // not that it took too long
	})

	a, b := newNode(t, cfg, "a"), newNode(t, cfg, "b")
	patterns, found := documented(t), map[string]bool{}
	check := directly(t, rs.Server)
	look := func() {
		t.Helper()
		list, err := check.rdb.Keys(ctx, "*").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range list {
			known := false
			for name, exp := range patterns {
				if exp.MatchString(key) {
					known, found[name] = true, true
				}
			}
			if !known {
				t.Errorf("%s is not documented", key)
			}
		}
	}
	a.connect("ann", "s1")
	b.connect("bea", "s2")
	b.connect("bob", "s3")
	if err := a.Watch(ctx, []string{"bea"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Routes(ctx, "bea"); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(a.peer(), 1, presence.Must, []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	c, marks := ring(a.Store, "c1", "ann", "bea")
	c.ClientID = "mine"
	if err := a.Open(ctx, c, marks); err != nil {
		t.Fatal(err)
	}
	second, marks := ring(a.Store, "c2", "ann", "bob")
	if err := a.Open(ctx, second, marks[1:]); err != nil { // ann has one
		t.Fatal(err)
	}
	if err := a.Subscriptions().Put(ctx, "ann", pushtest.Sub("phone", 1)); err != nil {
		t.Fatal(err)
	}
	outbox(t, cfg, look)
	until(t, "the payload is in the inbox", func() bool {
		look()
		return found[keys{"tandem:"}.inbox("<node>", "<epoch>")]
	})
	ended, _, err := call.Step(*c, call.End{Who: call.Who{User: "ann", Device: "d", Session: "s-ann", Extended: true}}, a.Now())
	if err != nil {
		t.Fatal(err)
	}
	ended.Version = c.Version + 1
	if err := a.Save(ctx, &ended, c.Version); err != nil {
		t.Fatal(err)
	}
	look()
	if _, err := a.Due(ctx, 10); err != nil {
		t.Fatal(err)
	}
	b.disconnect("bea", "s2", presence.Vanished)
	look()
	b.die()
	until(t, "the dead node is buried", func() bool {
		look()
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.lost) == 1
	})
	until(t, "its people are offline", func() bool {
		n, _, err := a.OnlineCount(ctx)
		return err == nil && n == 1
	})
	if err := a.Unwatch(ctx, []string{"bea"}); err != nil {
		t.Fatal(err)
	}
	if p, err := a.Online(ctx, "", 10); err != nil || len(p.Users) != 1 {
		t.Errorf("online: %v, %v", p, err)
	}
	a.stands.Store(true)
	if err := a.Leave(ctx); err != nil {
		t.Error(err)
	}
	look()
	// Some are there for a moment only.
	for _, p := range []string{"tandem:{u:<user>}:lost", "tandem:{nodes}:burying:<entry>"} {
		found[p] = true
	}
	for p := range patterns {
		if !found[p] {
			t.Errorf("%s was never there", p)
		}
	}
	denied := check.rdb.Do(ctx, "ACL", "LOG").Val()
	list, _ := denied.([]any)
	for _, e := range list {
		if text := fmt.Sprint(e); !strings.Contains(text, "reason:auth") {
			t.Errorf("denied: %s", text)
		}
	}
}

// outbox does what webhooks need of Redis, as the user of cfg.
func outbox(t *testing.T, cfg Config, look func()) {
	t.Helper()
	ctx := t.Context()
	rdb, err := Connect(cfg)
	if err != nil {
		t.Fatal(err)
	}
	box := webhookredis.New(webhookredis.Config{}, rdb)
	defer box.Close()
	list := []webhook.Entry{{ID: "1", Lane: "call/c1", Created: time.Now()}, {ID: "2", Lane: "call/c1", Created: time.Now()}}
	if _, err := box.Put(ctx, "e1", list); err != nil {
		t.Fatal(err)
	}
	got, err := box.Claim(ctx, "e1", 5, time.Minute)
	if err != nil || len(got) != 1 {
		t.Fatalf("claimed %v (%v)", got, err)
	}
	look()
	for _, again := range []time.Duration{time.Second, -1} {
		if err := box.Settle(ctx, "e1", []webhook.Result{{Seq: got[0].Seq, Again: again}}, time.Second); err != nil {
			t.Error(err)
		}
	}
	if _, n, err := box.Sweep(ctx, "e1", time.Hour); n != 1 || err != nil {
		t.Errorf("%d events wait (%v), want one", n, err)
	}
	for _, on := range []bool{false, true} {
		if err := box.Switch(ctx, "e1", on); err != nil {
			t.Error(err)
		}
	}
}

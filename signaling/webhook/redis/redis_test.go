package redis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	"github.com/tandem-rtc/tandem/signaling/webhook/outboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestM9_Outbox(t *testing.T) {
	rs := redistest.Start(t)
	n := 0
	outboxtest.Run(t, func(*testing.T) webhook.Outbox {
		n++
		return New(Config{Prefix: fmt.Sprintf("t%d:", n), Max: outboxtest.Max}, goredis.NewClient(&goredis.Options{Addr: rs.Addr}))
	})
}

// Each script stays in one slot; all keys have an end.
func TestP8_OutboxOnACluster(t *testing.T) {
	c := redistest.StartCluster(t)
	n := 0
	outboxtest.Run(t, func(*testing.T) webhook.Outbox {
		n++
		addrs := strings.Split(strings.TrimPrefix(c.URL(), "redis+cluster://"), ",")
		return New(Config{Prefix: fmt.Sprintf("t%d:", n), Max: outboxtest.Max}, goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: addrs}))
	})
}

func TestM9_KeysEnd(t *testing.T) {
	ctx, rs := t.Context(), redistest.Start(t)
	rdb := goredis.NewClient(&goredis.Options{Addr: rs.Addr})
	b := New(Config{Keep: time.Hour}, rdb)
	defer b.Close()
	list := []webhook.Entry{{ID: "1", Lane: "a", Created: time.Now()}, {ID: "2", Lane: "a", Created: time.Now()}, {ID: "3", Lane: "b", Created: time.Now()}}
	if _, err := b.Put(ctx, "e", list); err != nil {
		t.Fatal(err)
	}
	got, err := b.Claim(ctx, "e", 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Settle(ctx, "e", []webhook.Result{{Seq: got[0].Seq, Again: 0}}, time.Second); err != nil {
		t.Fatal(err)
	}
	known := Keys("tandem:", "e")
	have, err := rdb.Keys(ctx, "*").Result()
	if err != nil || len(have) != len(known) {
		t.Errorf("keys are %q (%v), want %q", have, err, known)
	}
	for _, k := range known {
		if ttl := rdb.PTTL(ctx, k).Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("%s ends in %v", k, ttl)
		}
	}
	// Nothing is left of what is through but the ids and the counters.
	for {
		got, err := b.Claim(ctx, "e", 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			if n := rdb.HLen(ctx, known[0]).Val(); n == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond) // it rests; polling until it does not
		}
		for _, d := range got {
			if err := b.Settle(ctx, "e", []webhook.Result{{Seq: d.Seq, Again: -1}}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := rdb.Exists(ctx, known[:5]...).Val(); n != 0 {
		t.Errorf("%d keys of a queue that is empty are left", n)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(string(pack(&webhook.Entry{ID: "evt_1", Lane: "call/x", Type: "call.ended", Body: []byte("{}"), Created: time.UnixMilli(1)})))
	f.Add("1|9|")
	f.Add("|||")
	f.Fuzz(func(t *testing.T, item string) {
		e, err := unpack(item)
		if err != nil {
			return
		}
		again, err := unpack(string(pack(&e)))
		if err != nil || again.ID != e.ID || again.Lane != e.Lane || again.Type != e.Type || string(again.Body) != string(e.Body) {
			t.Errorf("%q became %+v, %v", item, again, err)
		}
	})
}

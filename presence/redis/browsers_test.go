package redis

import (
	"context"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tandem-rtc/tandem/presence/redis/redistest"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/signaling/push/pushtest"
)

// onAsk runs in front of each command that a client sends by itself.
type onAsk func(goredis.Cmder)

func (onAsk) DialHook(next goredis.DialHook) goredis.DialHook { return next }
func (onAsk) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}
func (f onAsk) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, c goredis.Cmder) error {
		f(c)
		return next(ctx, c)
	}
}

// TestM8_BrowsersOfAUserAreErased: all of that user's, and nobody else's, also not
// one that went from the one to the other.
func TestM8_BrowsersOfAUserAreErased(t *testing.T) {
	for name, url := range map[string]string{"single": redistest.Start(t).URL(), "cluster": redistest.StartCluster(t).URL()} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(url)
			cfg.Prefix, cfg.Timeout = "t:", time.Second
			store := subscriptions(t, newWorld(t, cfg), "n")
			shared := pushtest.Sub("shared", 3)
			for _, put := range []struct {
				user string
				sub  push.Subscription
			}{{"ann", pushtest.Sub("phone", 1)}, {"ann", shared}, {"bea", shared}, {"ann", pushtest.Sub("laptop", 2)}} {
				if err := store.Put(t.Context(), put.user, put.sub); err != nil {
					t.Fatal(err)
				}
			}
			b, err := OpenBrowsers(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if list, err := b.List(t.Context(), "ann"); err != nil || len(list) != 2 || list[0].Device != "laptop" || list[1].Endpoint != pushtest.Sub("phone", 1).Endpoint {
				t.Errorf("ann's: %+v, %v", list, err)
			}
			meanwhile := pushtest.Sub("tablet", 4)
			var once sync.Once
			b.rdb.AddHook(onAsk(func(c goredis.Cmder) { // the browsers are known, and not gone yet
				if c.Name() != "eval" {
					return
				}
				once.Do(func() {
					if err := store.Put(t.Context(), "ann", meanwhile); err != nil {
						t.Error(err)
					}
				})
			}))
			for range 2 { // it may be asked for again
				if err := b.Erase(t.Context(), "ann"); err != nil {
					t.Fatal(err)
				}
			}
			if list, err := b.List(t.Context(), "ann"); err != nil || len(list) != 0 {
				t.Errorf("ann's, erased: %+v, %v", list, err)
			}
			if list, err := b.List(t.Context(), "bea"); err != nil || len(list) != 1 {
				t.Errorf("bea's: %+v, %v", list, err)
			}
			for endpoint, left := range map[string]int64{shared.Endpoint: 1, meanwhile.Endpoint: 0, pushtest.Sub("phone", 1).Endpoint: 0} {
				if n, err := b.rdb.Exists(t.Context(), store.ownerKey(endpoint)).Result(); err != nil || n != left {
					t.Errorf("%d owners of %s, %v; want %d", n, endpoint, err, left)
				}
			}
		})
	}
}

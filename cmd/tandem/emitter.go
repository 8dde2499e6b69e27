package main

import (
	"context"
	"fmt"

	"github.com/tandem-rtc/tandem/presence/redis"
	"github.com/tandem-rtc/tandem/signaling/emitter"
)

// hearEmitters takes what back ends publish on Redis, until ctx ends.
func (b *board) hearEmitters(ctx context.Context, d deps) error {
	cfg := d.cfg.Cluster
	if !cfg.RedisEmitter {
		return nil
	}
	// A client of its own: what it waits for delays nothing else.
	client, err := redis.Connect(redis.Config{URL: d.cfg.Servers.RedisURL.Reveal(), Timeout: cfg.RedisTimeout, Logger: d.log})
	if err != nil {
		return err
	}
	l, err := emitter.New(emitter.Config{
		Key: cfg.RedisEmitterKey, MaxMessage: int(d.cfg.Limits.MaxPayload), Timeout: cfg.RedisTimeout, Logger: d.log,
	}, client, b.sw, d.registry)
	if err != nil {
		return fmt.Errorf("--redis-emitter: %w", err)
	}
	b.sw.IndexSessions()
	b.done.Go(func() {
		l.Run(ctx)
		_ = client.Close()
	})
	return nil
}

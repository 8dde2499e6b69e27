package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/presence/redis"
	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/webhook"
	webhookredis "github.com/tandem-rtc/tandem/signaling/webhook/redis"
	webhooksqlite "github.com/tandem-rtc/tandem/signaling/webhook/sqlite"
)

// WebhookFlags name who is told of calls, messages and who comes and goes.
type WebhookFlags struct {
	WebhookURLs       []Secret      `name:"webhook-url" env:"TANDEM_WEBHOOK_URLS" placeholder:"URL" help:"Where events are posted to, signed as Standard Webhooks has it. More than one: repeat it, or separate by commas. What stands behind a # are the events that it gets, else all: https://HOST/PATH#call.*+message.created."`
	WebhookSecrets    []Secret      `name:"webhook-secret" env:"TANDEM_WEBHOOK_SECRETS" placeholder:"SECRET" help:"Secret that events are signed with: whsec_ and base64 (tandem webhook secret makes one), or a text of at least 16 bytes. One for all URLs, or one for each in their order. Two with a space between them sign both, while a receiver changes from one to the other. Better given by the environment."`
	WebhookTimeout    time.Duration `default:"10s" help:"How long an endpoint may take to answer with 2xx."`
	WebhookWindow     time.Duration `default:"24h" help:"For how long an event is tried; then it is dropped, and counted."`
	WebhookMinBackoff time.Duration `default:"1s" help:"How long after the first attempt the second comes; twice as long after each."`
	WebhookMaxBackoff time.Duration `default:"1h" help:"Up to so long, unless the endpoint names a time with Retry-After."`
	WebhookQueue      int           `default:"100000" help:"Events that may wait for one endpoint; above, the oldest are dropped, and counted."`
}

// webhookFile is where events wait if this node is alone, in the data directory.
const webhookFile = "webhooks.db"

// offlineRing is how long somebody is rung for who has no device connected: long
// enough to be woken, if anybody is told (C5).
func (c Config) offlineRing() time.Duration {
	switch {
	case c.Calls.OfflineRing != nil:
		return *c.Calls.OfflineRing
	case c.wakes():
		return 30 * time.Second
	}
	return 0
}

// wakes reports whether somebody is told of a call for a user who is not there.
func (c Config) wakes() bool { return len(c.Webhooks.WebhookURLs) > 0 }

// endpoints puts URLs, their events and their secrets together.
func (c Config) endpoints() ([]webhook.Endpoint, error) {
	urls, secrets := c.Webhooks.WebhookURLs, c.Webhooks.WebhookSecrets
	switch {
	case len(urls) == 0 && len(secrets) > 0:
		return nil, errors.New("--webhook-secret is of no use without --webhook-url")
	case len(urls) == 0:
		return nil, nil
	case len(secrets) != 1 && len(secrets) != len(urls):
		return nil, fmt.Errorf("--webhook-secret is there %d times: give one for all of --webhook-url, or one for each (%d)", len(secrets), len(urls))
	}
	list := make([]webhook.Endpoint, len(urls))
	for i, u := range urls {
		url, events, filtered := strings.Cut(u.Reveal(), "#")
		secret := secrets[min(i, len(secrets)-1)]
		list[i] = webhook.Endpoint{URL: url, Secrets: strings.Fields(secret.Reveal())}
		if filtered {
			list[i].Events = strings.Split(events, "+")
		}
	}
	return list, nil
}

// webhook is the part that is about webhooks.
func (c Config) webhook(d deps) (webhook.Config, error) {
	list, err := c.endpoints()
	return webhook.Config{
		Endpoints: list, Timeout: c.Webhooks.WebhookTimeout, Window: c.Webhooks.WebhookWindow,
		MinBackoff: c.Webhooks.WebhookMinBackoff, MaxBackoff: c.Webhooks.WebhookMaxBackoff, Logger: d.log,
	}, err
}

func (c Config) checkWebhooks() error {
	cfg, err := c.webhook(deps{})
	if err != nil {
		return err
	}
	for name, d := range map[string]time.Duration{
		"webhook-timeout": cfg.Timeout, "webhook-window": cfg.Window, "webhook-min-backoff": cfg.MinBackoff, "webhook-max-backoff": cfg.MaxBackoff,
	} {
		if d <= 0 {
			return fmt.Errorf("--%s must be more than 0", name)
		}
	}
	if c.Webhooks.WebhookQueue <= 0 {
		return errors.New("--webhook-queue must be more than 0")
	}
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("--webhook-url and --webhook-secret: %w", err)
	}
	return nil
}

// openWebhooks makes who sends webhooks; nobody, if nobody wants them.
func (b *board) openWebhooks(d deps) error {
	cfg, err := d.cfg.webhook(d)
	if err != nil || len(cfg.Endpoints) == 0 {
		return err
	}
	box, err := d.cfg.openOutbox(d)
	if err != nil {
		return err
	}
	if b.webhooks, err = webhook.New(d.ctx, cfg, box, d.registry); err != nil {
		return errors.Join(fmt.Errorf("webhooks: %w", err), box.Close())
	}
	b.notifiers = append(b.notifiers, b.webhooks)
	return nil
}

// openOutbox opens where events wait: what nodes share, or a file of this one.
func (c Config) openOutbox(d deps) (webhook.Outbox, error) {
	if c.Clustered() {
		client, err := redis.Connect(redis.Config{URL: c.Servers.RedisURL.Reveal(), Timeout: c.Cluster.RedisTimeout, Logger: d.log})
		if err != nil {
			return nil, err
		}
		return webhookredis.New(webhookredis.Config{Prefix: c.Cluster.RedisPrefix, Max: c.Webhooks.WebhookQueue, Keep: 2 * c.Webhooks.WebhookWindow}, client), nil
	}
	const hint = "name another directory with --data-dir"
	path, err := c.chatFile()
	if err != nil {
		return nil, err
	}
	path = filepath.Join(filepath.Dir(path), webhookFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("no directory for webhooks: %w (%s)", err, hint)
	}
	box, err := webhooksqlite.Open(d.ctx, webhooksqlite.Config{Path: path, Max: c.Webhooks.WebhookQueue})
	if err != nil {
		return nil, fmt.Errorf("no file for webhooks: %w (%s)", err, hint)
	}
	return box, nil
}

// closeWebhooks ends deliveries; who would tell has ended.
func (b *board) closeWebhooks() error {
	if b.webhooks == nil {
		return nil
	}
	return b.webhooks.Close()
}

var _ signaling.Notifier = (*webhook.Sender)(nil)

// testWebhooks posts an event to each endpoint and says what came of it.
func testWebhooks(ctx context.Context, cfg Config, say func(format string, args ...any)) error {
	wc, err := cfg.webhook(deps{})
	if err != nil {
		return err
	}
	if len(wc.Endpoints) == 0 {
		return errors.New("no endpoint is named: give --webhook-url and --webhook-secret, or set TANDEM_WEBHOOK_URLS and TANDEM_WEBHOOK_SECRETS")
	}
	failed := 0
	for _, to := range wc.Endpoints {
		status, err := webhook.Test(ctx, wc, to)
		switch {
		case err != nil:
			failed++
			say("%s: %v\n", to.Name(), err)
		case status/100 != 2:
			failed++
			say("%s: answered with status %d, which is no 2xx: events would be tried again\n", to.Name(), status)
		default:
			say("%s: took a signed test event (status %d)\n", to.Name(), status)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d endpoints did not take it", failed, len(wc.Endpoints))
	}
	return nil
}

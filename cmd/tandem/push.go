package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
	"github.com/tandem-rtc/tandem/signaling/push"
	"github.com/tandem-rtc/tandem/web"
)

// PushFlags are about waking browsers that have no page open.
type PushFlags struct {
	NoPush          bool     `help:"Send no pushes. Their routes are the back end's then."`
	VAPIDPrivateKey Secret   `name:"vapid-private-key" env:"VAPID_PRIVATE_KEY" placeholder:"KEY" help:"Private half of the key that browsers subscribe for (VAPID), as web-push generate-vapid-keys prints it. Default: with REDIS_URL derived from CLUSTER_SECRET or JWT_SECRET, else made once and kept beside the messages (vapid.key). With another one browsers subscribe anew when their page is opened. Better given by the environment."`
	VAPIDPublicKey  string   `name:"vapid-public-key" env:"VAPID_PUBLIC_KEY" placeholder:"KEY" help:"Its public half, to be checked; not needed."`
	VAPIDSubject    string   `name:"vapid-subject" env:"VAPID_SUBJECT" placeholder:"URL" help:"Whom push services may write to: mailto:you@example.com or an https URL. Safari's wants a real one. Default: the first https URL of FRONTEND_URL."`
	PushHosts       []string `placeholder:"HOST" help:"Push services that browsers may name, in place of those of Chrome, Firefox, Safari and Edge: HOST, *.DOMAIN, * for any that is public, or an origin (http://10.0.0.5:8080) that may be on a private network."`
}

// keyFile is beside the file of messages.
const keyFile = "vapid.key"

func (c Config) checkPush() error {
	p := c.Push
	if p.VAPIDPrivateKey == "" && p.VAPIDPublicKey != "" {
		return errors.New("--vapid-public-key is of no use without VAPID_PRIVATE_KEY")
	}
	if p.VAPIDPrivateKey != "" {
		if _, err := push.ParseKey(p.VAPIDPrivateKey.Reveal(), p.VAPIDPublicKey); err != nil {
			return fmt.Errorf("VAPID_PRIVATE_KEY: %w", err)
		}
	}
	if p.VAPIDSubject != "" && !push.ValidSubject(p.VAPIDSubject) {
		return errors.New("--vapid-subject has to be mailto:NAME@HOST or an https URL")
	}
	if err := push.CheckHosts(p.PushHosts); err != nil {
		return fmt.Errorf("--push-hosts: %w", err)
	}
	return nil
}

// push is the part that is about pushes, without the key.
func (c Config) push(d deps) push.Config {
	subject := c.Push.VAPIDSubject
	for u := range strings.SplitSeq(c.Identity.FrontendURL, ",") {
		if u = strings.TrimSpace(u); subject == "" && push.ValidSubject(u) {
			subject = u
		}
	}
	return push.Config{Subject: subject, Hosts: c.Push.PushHosts, Logger: d.log}
}

// openPush makes what pushes; none if nobody wants that.
func (b *board) openPush(d deps, secret []byte) error {
	if d.cfg.Push.NoPush {
		return nil
	}
	cfg := d.cfg.push(d)
	file, _ := b.sqlite()
	store := b.subscriptions(file)
	var err error
	switch {
	case d.cfg.Push.VAPIDPrivateKey != "":
		cfg.Key, err = push.ParseKey(d.cfg.Push.VAPIDPrivateKey.Reveal(), "")
	case file != nil:
		var path string
		if path, err = d.cfg.chatFile(); err == nil {
			cfg.Key, err = push.LoadKey(filepath.Join(filepath.Dir(path), keyFile))
		}
	default: // the same on all nodes, and after a restart, if there is a secret
		cfg.Key, err = push.DeriveKey(secret)
	}
	if err != nil {
		return err
	}
	if b.clustered { // a node that is alone has pushed what ended, too
		cfg.Rings = b.rings
	}
	if b.push, err = push.New(cfg, store, d.registry); err != nil {
		return err
	}
	b.notifiers = append(b.notifiers, pushNews{b.push})
	return nil
}

// rings reports whether a call still does, as soon as there is a switchboard.
func (b *board) rings(ctx context.Context, callID string) (bool, error) {
	select {
	case <-b.assembled:
		return b.sw.Rings(ctx, callID)
	default:
		return true, nil
	}
}

// wakeRing is how long a call rings for somebody who is offline and gets pushes
// (C5); 0: not longer than for others.
func (c Config) wakeRing() time.Duration {
	if c.Calls.OfflineRing != nil {
		return 0
	}
	return 30 * time.Second
}

// sqlite is the file of messages, if they are in one.
func (b *board) sqlite() (*sqlite.Store, bool) {
	if b.chat == nil {
		return nil, false
	}
	s, ok := b.chat.Store.(*sqlite.Store)
	return s, ok
}

// subscriptions is where browsers are kept: with the messages, in Redis, or as
// long as this process lives.
func (b *board) subscriptions(file *sqlite.Store) push.Store {
	switch {
	case b.clustered:
		return inRedis{b}
	case file != nil:
		return file.Subscriptions()
	}
	return push.NewMemory()
}

// inRedis is the store of a membership that there is not yet when this is made.
type inRedis struct{ b *board }

func (r inRedis) Put(ctx context.Context, user string, s push.Subscription) error {
	return r.b.store.Subscriptions().Put(ctx, user, s)
}

func (r inRedis) List(ctx context.Context, user string) ([]push.Subscription, error) {
	return r.b.store.Subscriptions().List(ctx, user)
}

func (r inRedis) Remove(ctx context.Context, user, endpoint string) (bool, error) {
	return r.b.store.Subscriptions().Remove(ctx, user, endpoint)
}

// Any is asked before there is a membership, too: then it is not known.
func (r inRedis) Any(ctx context.Context) (bool, error) {
	select {
	case <-r.b.assembled:
		return r.b.store.Subscriptions().Any(ctx)
	default:
		return true, nil
	}
}

// expireSubscriptions forgets browsers whose page nobody has opened for long,
// until ctx ends. In Redis they expire by themselves.
func (b *board) expireSubscriptions(ctx context.Context, d deps) {
	file, ok := b.sqlite()
	if !ok || b.push == nil {
		return
	}
	b.done.Go(func() {
		tick := time.NewTicker(24 * time.Hour)
		defer tick.Stop()
		for {
			if err := file.Subscriptions().Forget(ctx, time.Now().Add(-push.Keep)); err != nil && ctx.Err() == nil {
				d.log.Warn("old subscriptions of browsers could not be forgotten", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// pushRoutes is what the routes of pushes stand on, or nil.
func (b *board) pushRoutes() web.Push {
	if b.push == nil {
		return nil
	}
	return b.push
}

// wakes says who can be reached while offline, or is nil.
func (b *board) wakes() func(context.Context, string) (bool, error) {
	if b.push == nil {
		return nil
	}
	return b.push.Subscribed
}

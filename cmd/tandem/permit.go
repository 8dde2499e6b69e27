package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/tandem-rtc/tandem/signaling"
	"github.com/tandem-rtc/tandem/signaling/permit"
)

// PermitFlags name who is asked whether somebody may call or message somebody.
type PermitFlags struct {
	PermitURL     string        `env:"TANDEM_PERMIT_URL" placeholder:"URL" help:"Endpoint of the back end that is asked who may call and message whom. Without it everybody may."`
	PermitSecret  Secret        `env:"TANDEM_PERMIT_SECRET" placeholder:"SECRET" help:"Secret that the questions are signed with, as Standard Webhooks has it: whsec_ and base64, or a text of at least 16 bytes. Better given by the environment."`
	PermitTimeout time.Duration `default:"2s" help:"How long an answer may take; at most 5s."`
	PermitTTL     time.Duration `name:"permit-ttl" default:"1m" help:"How long a yes is remembered; 0: not at all."`
	PermitDenyTTL time.Duration `name:"permit-deny-ttl" default:"10s" help:"How long a no is remembered; 0: not at all."`
	PermitFail    string        `default:"closed" enum:"closed,open" help:"What holds while the endpoint does not answer: ${enum}. Closed refuses what it has not allowed lately."`
}

// maxPermitTimeout: whoever sends a message waits for it, and for its store behind.
const maxPermitTimeout = 5 * time.Second

// permit is the part that is about permissions.
func (c Config) permit(d deps) permit.Config {
	ttl := func(v time.Duration) time.Duration {
		if v == 0 {
			return -1
		}
		return v
	}
	return permit.Config{
		URL: c.Permit.PermitURL, Secret: c.Permit.PermitSecret.Reveal(), Timeout: c.Permit.PermitTimeout,
		TTL: ttl(c.Permit.PermitTTL), DenyTTL: ttl(c.Permit.PermitDenyTTL), FailOpen: c.Permit.PermitFail == "open", Logger: d.log,
	}
}

func (c Config) checkPermit() error {
	p := c.Permit
	switch {
	case p.PermitURL == "" && p.PermitSecret != "":
		return errors.New("--permit-secret is of no use without --permit-url")
	case p.PermitURL == "":
		return nil
	case p.PermitTimeout <= 0 || p.PermitTimeout > maxPermitTimeout:
		return fmt.Errorf("--permit-timeout must be more than 0 and at most %v", maxPermitTimeout)
	case p.PermitTTL < 0 || p.PermitDenyTTL < 0:
		return errors.New("--permit-ttl and --permit-deny-ttl can not be negative")
	}
	if err := c.permit(deps{}).Validate(); err != nil {
		return fmt.Errorf("--permit-url and --permit-secret: %w", err)
	}
	return nil
}

// openPermits makes who is asked; nil: nobody is.
func (b *board) openPermits(d deps) (err error) {
	if d.cfg.Permit.PermitURL != "" {
		b.permits, err = permit.New(d.cfg.permit(d), d.registry)
	}
	return err
}

// asker is who is asked, or nil.
func (b *board) asker() signaling.Permits {
	if b.permits == nil {
		return nil
	}
	return b.permits
}

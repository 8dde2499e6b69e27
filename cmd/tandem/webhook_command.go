package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

// webhookCommand helps to set webhooks up.
type webhookCommand struct {
	Test   webhookTestCommand   `cmd:"" help:"Post a signed event of the type tandem.test to each endpoint and say what it answered."`
	Secret webhookSecretCommand `cmd:"" help:"Make a secret for webhooks."`
}

type webhookTestCommand struct {
	WebhookFlags `embed:""`
}

// Run posts the test events.
func (c *webhookTestCommand) Run(ctx context.Context, stdout, _ io.Writer) error {
	cfg := Config{Webhooks: c.WebhookFlags}
	if err := cfg.checkWebhooks(); err != nil {
		return err
	}
	return testWebhooks(ctx, cfg, func(format string, args ...any) { _, _ = fmt.Fprintf(stdout, format, args...) })
}

type webhookSecretCommand struct{}

// Run prints a new secret.
func (*webhookSecretCommand) Run(_ context.Context, stdout, _ io.Writer) error {
	_, err := fmt.Fprintln(stdout, webhook.NewSecret())
	return err
}

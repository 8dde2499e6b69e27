package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/webhook"
)

func TestM9_WebhookFlags(t *testing.T) {
	elsewhere(t)
	one, two := webhook.NewSecret(), webhook.NewSecret()
	for _, c := range []struct {
		args []string
		env  map[string]string
		want string // "": refused
	}{
		{want: "[]"},
		{args: []string{"--webhook-url=https://a.example/x", "--webhook-secret=" + one}, want: "[{https://a.example/x [1] []}]"},
		{env: map[string]string{"TANDEM_WEBHOOK_URLS": "https://a.example,https://b.example#call.*+message.created", "TANDEM_WEBHOOK_SECRETS": one},
			want: "[{https://a.example [1] []} {https://b.example [1] [call.* message.created]}]"},
		{env: map[string]string{"TANDEM_WEBHOOK_URLS": "https://a.example,https://b.example", "TANDEM_WEBHOOK_SECRETS": two + " " + one + "," + two},
			want: "[{https://a.example [2 1] []} {https://b.example [2] []}]"},
		{args: []string{"--webhook-url=https://a.example"}},
		{args: []string{"--webhook-secret=" + one}},
		{args: []string{"--webhook-url=https://a.example", "--webhook-secret=short"}},
		{args: []string{"--webhook-url=a.example", "--webhook-secret=" + one}},
		{args: []string{"--webhook-url=https://a.example#calls", "--webhook-secret=" + one}},
		{args: []string{"--webhook-url=https://a.example", "--webhook-secret=" + one, "--webhook-timeout=0s"}},
		{args: []string{"--webhook-url=https://a.example", "--webhook-secret=" + one, "--webhook-queue=-1"}},
		{args: []string{"--webhook-url=https://a.example", "--webhook-secret=" + one, "--webhook-min-backoff=2h"}},
		{args: []string{"--webhook-url=https://a.example,https://b.example,https://c.example", "--webhook-secret=" + one + "," + two}},
	} {
		t.Run("", func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			cfg, err := parseServe(t, c.args...)
			if err == nil {
				err = cfg.Validate()
			}
			if err != nil {
				if c.want != "" || strings.Contains(err.Error(), "whsec_") {
					t.Error(err)
				}
				return
			}
			list, err := cfg.endpoints()
			got := fmt.Sprint(list)
			got = strings.NewReplacer(one, "1", two, "2").Replace(got)
			if err != nil || got != c.want {
				t.Errorf("endpoints are %s (%v), want %q", got, err, c.want)
			}
			if text := fmt.Sprintf("%+v", cfg); strings.Contains(text, "whsec_") {
				t.Error("a secret is printed")
			}
		})
	}
}

// Webhooks of a lone node wait where the operator says, also if messages are in a
// database.
func TestM9_WebhooksWaitInTheDataDirectory(t *testing.T) {
	start(t, testConfig(t, "--mongo-uri=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", "--data-dir=d",
		"--webhook-url=http://127.0.0.1:1", "--webhook-secret="+webhook.NewSecret()), nil)
	if _, err := os.Stat(filepath.Join("d", webhookFile)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join("d", dataFile)); err == nil {
		t.Error("messages are in a file, too")
	}
}

// C5: with webhooks, and only with them, people who are away are rung, unless the
// operator says how long.
func TestC5_OfflineRingByDefault(t *testing.T) {
	elsewhere(t)
	hooks := []string{"--webhook-url=https://a.example", "--webhook-secret=" + webhook.NewSecret()}
	for _, c := range []struct {
		args []string
		want time.Duration
	}{
		{nil, 0}, {hooks, 30 * time.Second}, {append(hooks, "--offline-ring=0s"), 0}, {[]string{"--offline-ring=7s"}, 7 * time.Second},
	} {
		cfg, err := parseServe(t, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.signaling(nil).Call.OfflineRing; got != c.want {
			t.Errorf("%s: %v, want %v", c.args, got, c.want)
		}
	}
}

func TestM9_WebhookSecretCommand(t *testing.T) {
	elsewhere(t)
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"webhook", "secret"}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	if _, err := webhook.Key(strings.TrimSpace(out.String())); err != nil {
		t.Error(err)
	}
}

package main

import (
	"strings"
	"testing"
	"time"
)

func TestC15_PermitFlags(t *testing.T) {
	elsewhere(t)
	const url, secret = "--permit-url=http://127.0.0.1:1/may", "--permit-secret=sixteen bytes or more"
	c, err := parseServe(t, url, secret, "--permit-ttl=0s", "--permit-fail=open")
	if err != nil {
		t.Fatal(err)
	}
	p := c.permit(deps{})
	if p.TTL > 0 || p.DenyTTL != 10*time.Second || p.Timeout != 2*time.Second || !p.FailOpen {
		t.Errorf("%+v", p)
	}
	for want, args := range map[string][]string{
		"--permit-secret is of no use without --permit-url": {secret},
		"at least 16 bytes":                  {url},
		"not an http or https URL":           {"--permit-url=ftp://user:hidden@x", secret},
		"--permit-timeout must be":           {url, secret, "--permit-timeout=6s"},
		"--permit-ttl and --permit-deny-ttl": {url, secret, "--permit-ttl=-1s"},
		"must be one of":                     {url, secret, "--permit-fail=half"},
	} {
		c, err := parseServe(t, args...)
		if err == nil {
			err = c.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "sixteen") {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
}

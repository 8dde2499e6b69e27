package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tandem-rtc/tandem/signaling/auth"
)

// tokenCommand mints a token as a back end would.
type tokenCommand struct {
	User      string            `required:"" env:"-" help:"User id that the token is for."`
	Name      string            `env:"-" help:"Name to show to others."`
	TTL       time.Duration     `name:"ttl" env:"-" default:"24h" help:"How long the token is good; 0 is for ever."`
	Claim     map[string]string `env:"-" mapsep:"none" placeholder:"KEY=VALUE" help:"Another claim; the value is JSON, or else a text. Repeat for more."`
	JWTSecret Secret            `name:"jwt-secret" env:"JWT_SECRET" placeholder:"SECRET" help:"Secret to sign with."`
}

// Run prints the token, alone on its line, so that scripts can use it.
func (t *tokenCommand) Run(_ context.Context, stdout, _ io.Writer) error {
	if t.JWTSecret == "" {
		return errors.New("set JWT_SECRET (in the environment or in .env) to the secret that the server has")
	}
	if t.TTL < 0 {
		return errors.New("--ttl can not be negative")
	}
	claims := make(map[string]any, len(t.Claim)+1)
	for key, text := range t.Claim {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			value = text
		}
		claims[key] = value
	}
	if t.Name != "" {
		claims["name"] = t.Name
	}
	token, err := auth.Mint(t.JWTSecret.Reveal(), t.User, time.Now(), t.TTL, claims)
	if err != nil {
		return fmt.Errorf("minting a token: %w", err)
	}
	_, err = fmt.Fprintln(stdout, token)
	return err
}

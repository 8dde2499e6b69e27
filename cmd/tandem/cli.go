package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// cli is the command line. The flags of serve are Config.
type cli struct {
	EnvFile string `placeholder:"FILE" help:"Read environment variables from this file. Without it ./.env is read if there is one. What is already set in the environment wins."`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run the switchboard (the default command)."`
	Token   tokenCommand   `cmd:"" help:"Mint a token for one user, signed with JWT_SECRET."`
	Health  healthCommand  `cmd:"" help:"Ask a server on this machine whether it is ready; for health checks of containers."`
	Data    dataCommand    `cmd:"" help:"Export or erase what is kept of one user."`
	Webhook webhookCommand `cmd:"" help:"Test webhooks, or make a secret for them."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

type command interface {
	Run(ctx context.Context, stdout, stderr io.Writer) error
}

var errHelpShown = errors.New("help was shown")

const description = `Tandem routes calls: a user rings another user, every device of the callee rings, exactly one answers, and the call survives lost networks and reloads. Clients speak Socket.IO 4 on /socket.io/ or plain JSON on /ws.

With no configuration it serves this machine only, on http://localhost:5000, with a page where two tabs can call each other.`

// groups are the headings of --help, in order.
var groups = []kong.Group{
	{Key: "address", Title: "Where it listens"},
	{Key: "identity", Title: "Who is who", Description: "With no secret and no JWKS URL everybody may claim any name: then only this machine is served."},
	{Key: "tls", Title: "HTTPS", Description: "Phones give camera and microphone to HTTPS pages only."},
	{Key: "stores", Title: "Other servers"},
	{Key: "cluster", Title: "Many nodes", Description: "With REDIS_URL this node is one of many: users and calls may be on any of them."},
	{Key: "calls", Title: "Calls"},
	{Key: "chat", Title: "Messages", Description: "One node keeps messages and the log of calls in a file; with REDIS_URL they are kept in MongoDB (MONGO_DB_URI), or not at all."},
	{Key: "permit", Title: "Who may", Description: "A token may narrow it, too, with the claim can."},
	{Key: "webhooks", Title: "Webhooks", Description: "A back end hears of calls, messages and who comes and goes: section 8 of PROTOCOL.md. What it has not taken yet waits in --data-dir (webhooks.db), or in Redis."},
	{Key: "push", Title: "Pushes", Description: "Browsers without an open page are woken by calls and messages if their users want that (Web Push)."},
	{Key: "presence", Title: "Presence and typing"},
	{Key: "limits", Title: "Limits"},
	{Key: "liveness", Title: "Connections"},
	{Key: "operation", Title: "Operation"},
}

// parse reads command line, environment and env file into one command. It
// prints help by itself and returns errHelpShown then.
func parse(args []string, stdout, stderr io.Writer) (command, error) {
	env, err := loadEnvFile(args)
	if err != nil {
		return nil, err
	}
	var c cli
	helped := false
	parser, err := kong.New(&c,
		kong.Name("tandem"),
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ExplicitGroups(groups),
		kong.DefaultEnvars("TANDEM"),
		kong.Resolvers(env),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Help(help),
	)
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	kctx, err := parser.Parse(args)
	if helped {
		return nil, errHelpShown
	}
	if err != nil {
		return nil, fmt.Errorf("%w (see tandem --help)", err)
	}
	switch kctx.Command() {
	case "token":
		return &c.Token, nil
	case "data export":
		return &c.Data.Export, nil
	case "data erase":
		return &c.Data.Erase, nil
	case "webhook test":
		return &c.Webhook.Test, nil
	case "webhook secret":
		return &c.Webhook.Secret, nil
	case "health":
		return &c.Health, nil
	case "version":
		return &c.Version, nil
	}
	return &c.Serve, nil
}

// help is kong's, with the flags of serve on the first page: it is the command
// that everybody means.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if ctx.Selected() != nil {
		return nil
	}
	serve, err := kong.Trace(ctx.Kong, []string{"serve"})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(ctx.Stdout, "\nThe flags of serve can be given without its name:\n"); err != nil {
		return err
	}
	options.NoAppSummary = true
	return kong.DefaultHelpPrinter(options, serve)
}

// Command tandem is the switchboard: `tandem serve` runs it, `tandem token`
// mints a token for development, `tandem version` says what was built.
//
// This package only reads configuration and wires the other packages together;
// parts.go is the one place where that happens.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once, as if nobody had asked for the
	// first one.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code, 0 for success, 1
// for an error at work, 2 for wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, err := parse(args, stdout, stderr)
	if errors.Is(err, errHelpShown) {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "tandem: %v\n", err)
		return 2
	}
	if err := command.Run(ctx, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "tandem: %v\n", err)
		return 1
	}
	return 0
}

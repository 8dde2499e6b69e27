//go:build unix

package main

import (
	"log/slog"

	"golang.org/x/sys/unix"
)

// warnFiles says so if the system allows fewer open files than there may be
// connections. Go has raised the soft limit to the hard one already.
func warnFiles(log *slog.Logger, connections int) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return
	}
	const others = 100                                                      // files that are not connections
	if allowed := uint64(limit.Cur); allowed < uint64(connections)+others { //nolint:unconvert // signed on some systems
		log.Warn("this system allows too few open files for --max-connections and some to spare; raise ulimit -n (LimitNOFILE in systemd)",
			"openFiles", allowed, "maxConnections", connections)
	}
}

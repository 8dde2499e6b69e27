package redis

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
)

// clientLog takes what go-redis has to say, which is nothing that this package
// does not report itself: failed dials, connections that it closes. It would go
// to stderr otherwise, past all configuration.
//
// go-redis has one logger for the whole process, so this is set once and writes
// at level debug to the logger that was configured last.
var clientLog struct {
	once sync.Once
	to   atomic.Pointer[slog.Logger]
}

type clientLogger struct{}

func (clientLogger) Printf(ctx context.Context, format string, v ...any) {
	l := clientLog.to.Load()
	if l == nil || !l.Enabled(ctx, slog.LevelDebug) {
		return
	}
	l.DebugContext(ctx, "go-redis", "says", strings.TrimPrefix(fmt.Sprintf(format, v...), "redis: "))
}

// logClient sends go-redis' own lines to a logger.
func logClient(to *slog.Logger) {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	clientLog.to.Store(to)
	clientLog.once.Do(func() { goredis.SetLogger(clientLogger{}) })
}

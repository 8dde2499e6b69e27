package main

import (
	"io"
	"log/slog"
	"os"
)

// newLogger logs to w. plain says that people read it: text, and the banner as
// it is.
func newLogger(w io.Writer, o OperationFlags) (log *slog.Logger, plain bool) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		level = slog.LevelInfo // the flag's enum allows no other words
	}
	options := &slog.HandlerOptions{Level: level}
	plain = o.LogFormat == "text" || o.LogFormat != "json" && terminal(w)
	if plain {
		return slog.New(slog.NewTextHandler(w, options)), true
	}
	return slog.New(slog.NewJSONHandler(w, options)), false
}

// terminal reports whether w is a character device.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

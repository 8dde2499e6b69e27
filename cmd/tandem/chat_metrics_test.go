package main

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/chat/sqlite"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestO3_ABrokenStoreIsSeen fills the file up, and makes room again.
func TestO3_ABrokenStoreIsSeen(t *testing.T) {
	cfg := sqlite.DefaultConfig(filepath.Join(t.TempDir(), "x.db"))
	cfg.MaxPages = 200
	var log safeBuffer
	reg := prometheus.NewRegistry()
	store, err := newMeteredStore(newStore(t, cfg), "sqlite", reg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	add := func() error {
		_, _, err := store.Add(t.Context(), chat.Message{Sender: "a", Receiver: "b", Text: strings.Repeat("x", 10_000)})
		return err
	}
	if text, well := store.state(); text != "sqlite" || !well {
		t.Fatalf("%q %v", text, well)
	}
	n := 0
	for err = add(); err == nil && n < 1000; err = add() {
		n++
	}
	if !errors.Is(err, chat.ErrUnavailable) {
		t.Fatalf("after %d: %v", n, err)
	}
	for range 3 {
		if add() == nil {
			t.Fatal("there is room again")
		}
	}
	if text, well := store.state(); well || !strings.Contains(text, "no space") {
		t.Fatalf("%q %v", text, well)
	}
	// Reading goes on, and says nothing of writing.
	list, err := store.History(t.Context(), "a", "b", "", 500)
	if err != nil || len(list) == 0 {
		t.Fatal(len(list), err)
	}
	if _, well := store.state(); well {
		t.Fatal("reading made it well")
	}
	if _, err := store.Remove(t.Context(), "aaaaaaaaaaaaaaaaaaaaaaaa", chat.MayDelete("a")); !errors.Is(err, chat.ErrNotFound) {
		t.Fatal(err)
	}
	if err := store.Erase(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	if text, well := store.state(); text != "sqlite" || !well {
		t.Fatalf("%q %v", text, well)
	}
	if s := log.String(); strings.Count(s, "level=ERROR") != 1 || strings.Count(s, "level=INFO") != 1 {
		t.Fatalf("logged: %s", s)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			counts[f.GetName()] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	if counts["tandem_chat_stored_total"] != float64(n+1) || counts["tandem_chat_failures_total"] != 4 || counts["tandem_chat_seconds"] < float64(n+6) {
		t.Fatalf("%d stored: %v", n, counts)
	}
}

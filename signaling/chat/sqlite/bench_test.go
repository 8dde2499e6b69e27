package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// benchText is about as long as what people write.
var benchText = strings.Repeat("How are you? ", 8)

func benchStore(b *testing.B) *Store {
	b.Helper()
	s := openFile(b, DefaultConfig(filepath.Join(b.TempDir(), "chat.db")))
	b.Cleanup(func() { s.Close() })
	return s
}

// user is one of a thousand.
func user(i uint64) string { return fmt.Sprintf("64b7f3e2a1c4d5e6f708%04d", i%1000) }

func benchMessage(i uint64) chat.Message {
	return chat.Message{Sender: user(i), Receiver: user(i*7 + 1), Text: benchText, ClientID: strconv.FormatUint(i, 36)}
}

// BenchmarkAdd_64Senders is the most that 64 senders, each of whom waits for its
// ack, get stored.
func BenchmarkAdd_64Senders(b *testing.B) {
	s := benchStore(b)
	var next atomic.Uint64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := s.Add(context.Background(), benchMessage(next.Add(1))); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkAddAndDeliver_64Senders is the same with the rest of a message's
// life: marked delivered once stored.
func BenchmarkAddAndDeliver_64Senders(b *testing.B) {
	s := benchStore(b)
	var next atomic.Uint64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m, _, err := s.Add(context.Background(), benchMessage(next.Add(1)))
			if err == nil {
				_, _, err = s.Mark(context.Background(), m.Receiver, m.ID, chat.Delivered)
			}
			if err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkAdd_5000PerSecond sends at a pace, whether or not acks come back.
func BenchmarkAdd_5000PerSecond(b *testing.B) {
	s := benchStore(b)
	took := make([]time.Duration, b.N)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range b.N {
		due := start.Add(time.Duration(i) * time.Second / 5000)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		wg.Go(func() {
			if _, _, err := s.Add(context.Background(), benchMessage(uint64(i))); err != nil {
				b.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "msg/s")
}

// fill stores n messages of one conversation, many in a transaction.
func fill(b testing.TB, s *Store, n int, from, to string) (middle string) {
	b.Helper()
	for done := 0; done < n; {
		err := s.do(context.Background(), func(tx *batch) error {
			for range min(10_000, n-done) {
				m, _, err := tx.add(&chat.Message{Sender: from, Receiver: to, Text: benchText})
				if err != nil {
					return err
				}
				if done++; done == n/2 {
					middle = m.ID
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return middle
}

// BenchmarkLongHistory reads from a conversation of a million messages.
func BenchmarkLongHistory(b *testing.B) {
	s := benchStore(b)
	before := rss(b)
	middle := fill(b, s, 1_000_000, "ann", "bob")
	b.Logf("resident before %d MiB, after a million messages %d MiB", before, rss(b))
	run := func(name string, f func() (int, error)) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := f(); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(rss(b)), "MiB-resident")
		})
	}
	ctx := context.Background()
	run("NewestPage", func() (int, error) {
		list, err := s.History(ctx, "bob", "ann", "", 50)
		return len(list), err
	})
	run("MiddlePage", func() (int, error) {
		list, err := s.History(ctx, "bob", "ann", middle, 50)
		return len(list), err
	})
	run("JournalPage", func() (int, error) {
		c, err := s.Changes(ctx, "bob", chat.Cursors(s.tag).Pack(chat.JournalCursor, "", 500_000, 500_000), 50)
		return len(c.Messages), err
	})
	run("Get", func() (int, error) {
		_, err := s.Get(ctx, middle)
		return 1, err
	})
}

// BenchmarkMarkAll_10000 sees ten thousand unread messages.
func BenchmarkMarkAll_10000(b *testing.B) {
	s := benchStore(b)
	b.StopTimer()
	for range b.N {
		fill(b, s, 10_000, "ann", "bob")
		b.StartTimer()
		n, err := s.MarkAll(context.Background(), "bob", "ann")
		b.StopTimer()
		if err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkConversations lists 50 of somebody who talks to a thousand.
func BenchmarkConversations(b *testing.B) {
	s := benchStore(b)
	for i := range 1000 {
		fill(b, s, 10, user(uint64(i)), "ann")
	}
	for b.Loop() {
		if list, _, err := s.Conversations(context.Background(), "ann", "", 50); err != nil || len(list) != 50 {
			b.Fatal(len(list), err)
		}
	}
}

// rss is the memory that the process has, in MiB: the database's is not Go's.
func rss(b testing.TB) int {
	b.Helper()
	stat, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(stat))[1])
	if err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

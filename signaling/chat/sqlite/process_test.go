package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tandem-rtc/tandem/signaling/chat"
)

// A process that is killed while it sends ten thousand messages: all that it
// had acked are there, once.
func TestM1_KilledWhileSending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	for round, after := range []int{1, 700, 6000} {
		p := start(t, "send", path, nil)
		acked := p.acks(t, after)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for name, id := range p.acks(t, 10_000) { // what was in the pipe
			acked[name] = id
		}
		_ = p.cmd.Wait()
		if len(acked) < after || len(acked) >= 10_000 {
			t.Fatalf("round %d: killed after %d acks, not during the sends", round, len(acked))
		}
		s := openFile(t, DefaultConfig(path))
		stored := map[string][]string{}
		err := s.Export(t.Context(), "ann", func(m *chat.Message) error {
			stored[m.ClientID] = append(stored[m.ClientID], m.ID)
			if m.Text != "text of "+m.ClientID {
				return fmt.Errorf("%s reads %q", m.ClientID, m.Text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, id := range acked {
			if got := stored[name]; len(got) != 1 || got[0] != id {
				t.Fatalf("round %d: %s was acked as %s, stored are %v", round, name, id, got)
			}
			// A client that never got the ack sends again.
			m, created, err := s.Add(t.Context(), chat.Message{Sender: "ann", Receiver: "bob", Text: "again", ClientID: name})
			if err != nil || created || m.ID != id {
				t.Fatalf("round %d: sent again, %s is %+v, %v, %v", round, name, m, created, err)
			}
		}
		checkFile(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d acked, %d stored", round, len(acked), len(stored))
	}
}

// Two processes write the same file: nothing is lost, and a reader who reads on
// from its cursor meanwhile misses nothing and gets nothing twice.
func TestM3_TwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.db")
	a, b := start(t, "send", path, nil), start(t, "send", path, nil)
	acked := a.acks(t, 300)
	for name, id := range b.acks(t, 300) {
		acked[name] = id
	}
	s := openFile(t, DefaultConfig(path)) // and a third, which reads
	got := map[string]int{}
	cursor := ""
	read := func() {
		for more := true; more; {
			c, err := s.Changes(t.Context(), "bob", cursor, 50)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range c.Messages {
				got[m.ClientID]++
			}
			cursor, more = c.Cursor, c.More
		}
	}
	for range 20 {
		for name, id := range a.acks(t, 50) {
			acked[name] = id
		}
		for name, id := range b.acks(t, 50) {
			acked[name] = id
		}
		read()
	}
	for _, p := range []*process{a, b} {
		_ = p.in.Close()
		for name, id := range p.acks(t, 10_000) {
			acked[name] = id
		}
		if err := p.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	read()
	for name := range acked {
		if got[name] != 1 {
			t.Errorf("%s was acked, and read %d times", name, got[name])
		}
	}
	if len(got) != len(acked) {
		t.Errorf("%d were acked, %d read", len(acked), len(got))
	}
	checkFile(t, s)
	t.Logf("%d messages by two processes", len(acked))
}

// checkFile has the database look for damage.
func checkFile(t *testing.T, s *Store) {
	t.Helper()
	var says string
	if err := s.read.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&says); err != nil || says != "ok" {
		t.Fatal(says, err)
	}
}

// Processes that open a new file at once all get it.
func TestOpen_ManyAtOnce(t *testing.T) {
	for range 3 {
		path := filepath.Join(t.TempDir(), "chat.db")
		var all []*process
		for range 4 {
			all = append(all, start(t, "open", path, nil))
		}
		for _, p := range all {
			line, _ := p.line()
			if err := p.end(); err != nil {
				t.Error(err, line)
			}
		}
	}
}

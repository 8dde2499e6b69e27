package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
)

// Every query of a request is a few steps in indexes: none walks through a
// table, and none sorts more than a page, however long the history is.
func TestQueries_UseIndexes(t *testing.T) {
	s := openFile(t, DefaultConfig(filepath.Join(t.TempDir(), "chat.db")))
	fill(t, s, 100, "ann", "bob")
	for name, q := range map[string]struct {
		text string
		args int
		uses string
		sort bool // a user's conversations may be sorted
	}{
		"history":       {olderMessages, 5, "messages_conv (conv=? AND rowid<?)", false},
		"news":          {listNews, 2, "messages_changed (conv=? AND seq>?)", false},
		"added":         {listAdded, 4, "messages_conv (conv=? AND rowid>?)", false},
		"changed":       {listChanged, 4, "messages_changed (conv=? AND seq>?)", false},
		"their rows":    {listRows, 1, "INTEGER PRIMARY KEY (rowid=?)", false},
		"gone":          {listGone, 3, "PRIMARY KEY (user=? AND seq>?)", false},
		"seen":          {listSeen, 3, "seen_seq (user=? AND seq>?)", false},
		"conversations": {listTalks, 3, "messages_conv (conv=?)", true},
		"partners":      {listPartners, 3, "messages_conv (conv=?)", true},
		"calls":         {listCalls, 4, "calls_callee (callee=? AND (ended,id)<(?,?))", false},
		"blocked":       {listBlocked, 1, "PRIMARY KEY (user=?)", false},
		"blocked by":    {listBlockedBy, 1, "blocks_other (other=?)", false},
		"missed":        {countMissed, 1, "calls_missed (callee=? AND ended>?)", false},
		"one":           {oneMessage, 1, "INTEGER PRIMARY KEY (rowid=?)", false},
		"pair":          {readPair, 2, "(a=? AND b=?)", false},
		"sent":          {findClient, 2, "messages_client (sender=? AND client_id=?)", false},
		"sent again":    {sentMessage, 2, "messages_client (sender=? AND client_id=?)", false},
		"mark":          {raiseStatus, 3, "INTEGER PRIMARY KEY (rowid=?)", false},
		"counts":        {writePair, 7, "INTEGER PRIMARY KEY (rowid=?)", false},
		"export":        {nextMessage, 2, "messages_conv (conv=? AND rowid>?)", false},
		"expire":        {oldest, 3, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)", false},
	} {
		args := make([]any, q.args)
		for i := range args {
			args[i] = 1
		}
		rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q.text, args...)
		if err != nil {
			t.Fatal(name, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
			// meta has one row; the others are results of queries within.
			one := strings.HasPrefix(detail, "SCAN meta") || strings.HasPrefix(detail, "SCAN t") || strings.HasPrefix(detail, "SCAN (") || strings.HasPrefix(detail, "SCAN j")
			scan := strings.HasPrefix(detail, "SCAN") && !one
			if scan || strings.Contains(detail, "TEMP B-TREE") && !q.sort {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		if !strings.Contains(strings.Join(plan, "\n"), q.uses) {
			t.Errorf("%s does not use %s", name, q.uses)
		}
		t.Logf("%s:\n\t%s", name, strings.Join(plan, "\n\t"))
	}
}

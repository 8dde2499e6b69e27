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
		sort bool // a page, or a user's conversations, may be sorted
	}{
		"history":        {olderMessages, 5, false},
		"journal":        {listChanged, 2, false},
		"journal of one": {listConv, 5, false},
		"gone":           {listGone, 3, false},
		"seen":           {listSeen, 3, false},
		"conversations":  {listTalks, 3, true},
		"partners":       {listPartners, 3, true},
		"calls":          {listCalls, 4, false},
		"missed":         {countMissed, 1, false},
		"add":            {insertMessage, 12, false},
		"mark":           {raiseStatus, 4, false},
		"mark all":       {raiseAll, 3, false},
		"expire":         {oldestMessages, 3, false},
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
			one := strings.HasPrefix(detail, "SCAN meta") || strings.HasPrefix(detail, "SCAN t") || strings.HasPrefix(detail, "SCAN (")
			scan := strings.HasPrefix(detail, "SCAN") && !one
			if scan || strings.Contains(detail, "TEMP B-TREE") && !q.sort {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		t.Logf("%s:\n\t%s", name, strings.Join(plan, "\n\t"))
	}
}

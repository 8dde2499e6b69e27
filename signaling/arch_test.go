package signaling

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/tandem-rtc/tandem/"

// house is who may not import whom, directly or not: the dependencies of this
// codebase run one way (ARCHITECTURE.md). Keys and values are package paths; a
// key ending in /... means all below too, and so does every value.
var house = map[string][]string{
	"signaling": {
		"github.com/gorilla", "github.com/redis", "github.com/pion", "github.com/go-chi", "net/http/httputil",
		"database/sql", "modernc.org", "go.mongodb.org",
		module + "cmd", module + "web", module + "sfu", module + "signaling/jsonws", module + "signaling/sio",
		module + "signaling/socketio", module + "signaling/wsconn", module + "presence/memory", module + "presence/redis",
	},
	"signaling/wire/...": {
		module + "cmd", module + "web", module + "presence", module + "signaling/call", module + "signaling/auth",
		module + "signaling/jsonws", module + "signaling/sio", module + "signaling/socketio", module + "signaling/wsconn", "github.com/",
	},
	"signaling/call": {
		"net", "net/http", "log/slog", "github.com/", module + "presence", module + "web", module + "signaling/auth",
	},
	// The rules of messages know no driver: those are below, sqlite and mongo.
	"signaling/chat": {
		"database/sql", "log/slog", "github.com/", "modernc.org", "go.mongodb.org", module + "cmd", module + "presence", module + "web", module + "sfu",
		module + "signaling/auth", module + "signaling/chat", module + "signaling/jsonws", module + "signaling/sio",
		module + "signaling/socketio", module + "signaling/wsconn",
	},
	"signaling/chat/sqlite": {
		"github.com/redis", "github.com/gorilla", "github.com/go-chi", "go.mongodb.org", module + "cmd", module + "presence",
		module + "web", module + "sfu", module + "signaling/auth", module + "signaling/jsonws", module + "signaling/sio",
		module + "signaling/socketio", module + "signaling/wsconn", module + "signaling/chat/mongo",
	},
	// Pushes know neither who tells of what nor what keeps subscriptions.
	"signaling/push": {
		"database/sql", "github.com/redis", "github.com/gorilla", "github.com/go-chi", "modernc.org", "go.mongodb.org", module + "cmd", module + "presence",
		module + "web", module + "sfu", module + "signaling/auth", module + "signaling/chat", module + "signaling/call", module + "signaling/wire",
		module + "signaling/jsonws", module + "signaling/sio", module + "signaling/socketio", module + "signaling/wsconn",
	},
	"signaling/auth": {
		module + "cmd", module + "web", module + "presence", module + "signaling/call", module + "signaling/jsonws",
		module + "signaling/sio", module + "signaling/socketio", module + "signaling/wsconn",
	},
	"signaling/webhook": {
		"github.com/redis", "modernc.org", "database/sql", module + "cmd", module + "web", module + "presence/redis",
		module + "presence/memory", module + "signaling/jsonws", module + "signaling/sio", module + "signaling/socketio",
	},
	"signaling/webhook/sqlite": {
		"github.com/redis", module + "cmd", module + "web", module + "presence/redis", module + "signaling/chat/sqlite",
	},
	"signaling/webhook/redis": {
		"modernc.org", module + "cmd", module + "web", module + "presence/redis", module + "presence/memory",
	},
	"signaling/wheel":        {"github.com/", "net"},
	"signaling/wsconn":       {module + "cmd", module + "web", module + "presence", module + "signaling/wire", module + "signaling/call", module + "signaling/auth"},
	"signaling/socketio/...": {module + "cmd", module + "web", module + "presence", module + "signaling/call", module + "signaling/auth", module + "signaling/jsonws", module + "signaling/sio"},
	"signaling/jsonws":       {module + "cmd", module + "web", module + "signaling/sio", module + "signaling/socketio"},
	"signaling/sio":          {module + "cmd", module + "web", module + "signaling/jsonws"},
	"signaling/emitter":      {module + "cmd", module + "web", module + "presence/redis", module + "signaling/jsonws", module + "signaling/sio", module + "signaling/socketio"},
	"presence/...":           {module + "cmd", module + "web", module + "signaling/auth", module + "signaling/jsonws", module + "signaling/sio", module + "signaling/socketio", module + "signaling/wsconn", "github.com/gorilla", "github.com/pion", "github.com/go-chi"},
	"web/...":                {module + "cmd"},
}

// allowed are dependencies that a rule above would forbid: ours among
// "github.com/", and what stands under a forbidden tree on purpose.
func allowed(pkg, dep string) bool {
	if !strings.HasPrefix(dep, module) {
		return false
	}
	rel := strings.TrimPrefix(dep, module)
	switch {
	case rel == pkg:
		return true
	case strings.HasPrefix(rel, "signaling/wire/"): // the JSON scanner is a leaf
		return true
	}
	return false
}

// TestArchitecture_DependenciesRunOneWay checks the import rules of the whole
// module.
func TestArchitecture_DependenciesRunOneWay(t *testing.T) {
	deps := moduleDeps(t)
	if len(deps) < 10 {
		t.Fatalf("only %d packages were listed", len(deps))
	}
	for rule, forbidden := range house {
		base, tree := strings.CutSuffix(rule, "/...")
		found := false
		for pkg, list := range deps {
			if pkg != base && (!tree || !strings.HasPrefix(pkg, base+"/")) {
				continue
			}
			found = true
			for _, dep := range list {
				for _, no := range forbidden {
					if no == "github.com/" && strings.HasPrefix(dep, module) {
						continue // others' code is meant
					}
					if under(dep, no) && !allowed(pkg, dep) {
						t.Errorf("%s imports %s, directly or not", pkg, dep)
					}
				}
			}
		}
		if !found {
			t.Errorf("there is no package %s: the rules of the house are out of date", rule)
		}
	}
}

func under(dep, path string) bool {
	return dep == path || strings.HasPrefix(dep, strings.TrimSuffix(path, "/")+"/")
}

// moduleDeps lists every package of the module with all that it depends on.
func moduleDeps(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := map[string][]string{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return deps
		} else if err != nil {
			t.Fatal(err)
		}
		deps[strings.TrimPrefix(p.ImportPath, module)] = p.Deps
	}
}

package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	"embed"
	"encoding/hex"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var sources embed.FS

// A script is one Lua file of lua/, called by its hash.
type script struct{ name, source, sha string }

var scripts []*script // all of them, to be loaded at the start

// newScript reads lua/NAME.lua, and before it the functions that it uses, each
// in a lua/lib_FUNCTION.lua.
func newScript(name string, functions ...string) *script {
	var b []byte
	for _, f := range functions {
		b = append(b, readSource("lib_"+f)...)
	}
	b = append(b, readSource(name)...)
	sum := sha1.Sum(b) //nolint:gosec // it is how Redis names scripts
	s := &script{name: name, source: string(b), sha: hex.EncodeToString(sum[:])}
	scripts = append(scripts, s)
	return s
}

func readSource(name string) []byte {
	b, err := sources.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic("redis: no script " + name) // at the start of every program that links it
	}
	return b
}

// cmd is a call of the script, for pipe.do.
func (s *script) cmd(keys []string, args ...any) *goredis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	all = append(all, "evalsha", s.sha, len(keys))
	for _, k := range keys {
		all = append(all, k)
	}
	return goredis.NewCmd(context.Background(), append(all, args...)...)
}

// bySHA finds the source of a script that a Redis does not know (yet).
func bySHA(sha string) *script {
	for _, s := range scripts {
		if s.sha == sha {
			return s
		}
	}
	return nil
}

func isNoScript(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") }

// loadScripts makes every script known to every master.
func loadScripts(ctx context.Context, rdb goredis.UniversalClient) error {
	load := func(ctx context.Context, c *goredis.Client) error {
		p := c.Pipeline()
		addScripts(ctx, p)
		_, err := p.Exec(ctx)
		return err
	}
	switch c := rdb.(type) {
	case *goredis.ClusterClient:
		return c.ForEachMaster(ctx, load)
	case *goredis.Client:
		return load(ctx, c)
	}
	return nil
}

func addScripts(ctx context.Context, p goredis.Pipeliner) {
	for _, s := range scripts {
		p.ScriptLoad(ctx, s.source)
	}
}

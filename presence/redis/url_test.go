package redis

import (
	"reflect"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"
)

func TestP8_URLs(t *testing.T) {
	t.Parallel()
	type want struct {
		addrs            []string
		user, password   string
		db               int
		master           string
		cluster, tls     bool
		sentinelPassword string
	}
	for raw, w := range map[string]want{
		"redis://localhost":                                  {addrs: []string{"localhost:6379"}},
		"redis://":                                           {addrs: []string{"localhost:6379"}},
		"redis://10.0.0.1:7000/3":                            {addrs: []string{"10.0.0.1:7000"}, db: 3},
		"redis://[::1]:7000":                                 {addrs: []string{"[::1]:7000"}},
		"redis://[::1]":                                      {addrs: []string{"[::1]:6379"}},
		"redis://:p%40ss@h/1":                                {addrs: []string{"h:6379"}, password: "p@ss", db: 1},
		"redis://ann:p@s%s@h":                                {addrs: []string{"h:6379"}, user: "ann", password: "p@s%s"},
		"redis://h:6379?password=secret":                     {addrs: []string{"h:6379"}, password: "secret"},
		"redis://h:6379/?password=se%26cret&db=2":            {addrs: []string{"h:6379"}, password: "se&cret", db: 2},
		"rediss://u:p@h":                                     {addrs: []string{"h:6379"}, user: "u", password: "p", tls: true},
		"redis+cluster://h":                                  {addrs: []string{"h:6379"}, cluster: true},
		"redis://a:1,b:2":                                    {addrs: []string{"a:1", "b:2"}, cluster: true},
		"rediss+cluster://u:p@a,b:2/0":                       {addrs: []string{"a:6379", "b:2"}, user: "u", password: "p", cluster: true, tls: true},
		"redis+sentinel://p:q@a,b:2/main":                    {addrs: []string{"a:26379", "b:2"}, user: "p", password: "q", master: "main"},
		"redis+sentinel://a/main/4?sentinel_password=s":      {addrs: []string{"a:26379"}, master: "main", db: 4, sentinelPassword: "s"},
		"rediss+sentinel://a/main?skip_verify=true":          {addrs: []string{"a:26379"}, master: "main", tls: true},
		"unix://u:p@/run/redis.sock":                         {addrs: []string{"/run/redis.sock"}, user: "u", password: "p"},
		"redis://h?username=app&password=a&password=last%20": {addrs: []string{"h:6379"}, user: "app", password: "last "},
	} {
		o, err := parseURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		got := want{o.Addrs, o.Username, o.Password, o.DB, o.MasterName, o.IsClusterMode, o.TLSConfig != nil, o.SentinelPassword}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s: %+v, want %+v", raw, got, w)
		}
		client := goredis.NewUniversalClient(o)
		if _, is := client.(*goredis.ClusterClient); is != w.cluster {
			t.Errorf("%s: a %T", raw, client)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// O5: what is wrong with a URL is said without its secrets.
func TestO5_BadURLsTellNoSecrets(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "localhost", "localhost:6379", "http://ann:hunter2@h", "redis://ann:hunter2@h:port", "redis://ann:hunter2@h:0",
		"redis://ann:hunter2@h/main", "redis+sentinel://ann:hunter2@h", "redis+cluster://ann:hunter2@h/1", "redis://h?password=hunter2&x=1",
		"redis://h?password=%zzhunter2", "redis://ann:hunter2@h?ca=/there/is/none", "rediss://ann:hunter2@h?ca=/there/is/none",
		"rediss://ann:hunter2@h?skip_verify=hunter2", "redis://ann:hunter2@::1", "redis://ann:hunter2@h?pool_size=hunter2", "redis://ann:hunter2@h/-1",
	} {
		switch err := CheckURL(raw); {
		case err == nil:
			t.Errorf("%s: no error", raw)
		case strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: %v", raw, err)
		}
	}
}

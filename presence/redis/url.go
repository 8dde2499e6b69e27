package redis

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// parseURL reads a Redis URL. Nothing of its secrets is ever in the error.
//
//	redis://[user[:password]@]host[:6379][/db]             one server
//	redis+cluster://[…@]host[:6379],host,…                 a Cluster, by some of its servers
//	redis+sentinel://[…@]host[:26379],host,…/master[/db]   a group that Sentinels look after
//	unix://[…@]/path/of/socket                             one server, on this machine
//
// With rediss in place of redis, connections are encrypted. Several hosts after
// redis:// mean a Cluster. Parameters, each of which wins over what stands before
// the question mark: username, password, db, sentinel_username,
// sentinel_password, ca (a file with the certificates to trust instead of the
// system's), skip_verify (true: trust any, for tests), pool_size.
func parseURL(raw string) (*goredis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("the URL can not be read: it has to begin with redis://, rediss://, redis+cluster:// or redis+sentinel://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	o := &goredis.UniversalOptions{}
	// By hand: lists of hosts and passwords with odd characters are no URLs to
	// net/url.
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, password, _ := strings.Cut(rest[:i], ":")
		o.Username, o.Password = unescaped(user), unescaped(password)
		rest = rest[i+1:]
	}
	if scheme == "unix" {
		o.Addrs = []string{rest}
		return o, parameters(o, query)
	}
	hosts, path, _ := strings.Cut(rest, "/")
	kind, port, err := kindOf(scheme, hosts)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(scheme, "rediss") {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // the name is that of the host dialed
	}
	for h := range strings.SplitSeq(hosts, ",") {
		addr, err := withPort(strings.TrimSpace(h), port)
		if err != nil {
			return nil, err
		}
		o.Addrs = append(o.Addrs, addr)
	}
	switch kind {
	case "sentinel":
		o.MasterName, path, _ = strings.Cut(path, "/")
		if o.MasterName = unescaped(o.MasterName); o.MasterName == "" {
			return nil, errors.New("the URL names no master: redis+sentinel://HOST:PORT,HOST:PORT/MASTER")
		}
	case "cluster":
		o.IsClusterMode = true
	}
	if path = strings.Trim(path, "/"); path != "" {
		if err := database(o, path); err != nil {
			return nil, err
		}
	}
	if err := parameters(o, query); err != nil {
		return nil, err
	}
	if o.IsClusterMode && o.DB != 0 {
		return nil, errors.New("a Redis Cluster has no database but 0")
	}
	return o, nil
}

// kindOf says what stands behind the URL and the port of hosts that name none.
func kindOf(scheme, hosts string) (kind, port string, err error) {
	switch scheme {
	case "redis", "rediss":
		if strings.Contains(hosts, ",") {
			return "cluster", "6379", nil
		}
		return "single", "6379", nil
	case "redis+cluster", "rediss+cluster":
		return "cluster", "6379", nil
	case "redis+sentinel", "rediss+sentinel":
		return "sentinel", "26379", nil
	}
	return "", "", errors.New("the URL can not be read: its scheme is none of redis, rediss, redis+cluster, redis+sentinel, unix")
}

func withPort(host, port string) (string, error) {
	if host == "" {
		host = "localhost"
	}
	h, p, err := net.SplitHostPort(host)
	if err != nil {
		h, p = strings.Trim(host, "[]"), port // an IPv6 address stands in brackets
		if strings.Contains(h, ":") && !strings.HasPrefix(host, "[") {
			return "", errors.New("the URL can not be read: a host is not HOST or HOST:PORT")
		}
	}
	if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
		return "", errors.New("the URL can not be read: a port is no number from 1 to 65535")
	}
	return net.JoinHostPort(h, p), nil
}

// unescaped reads what is percent-encoded; passwords in the wild often are not.
func unescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func database(o *goredis.UniversalOptions, s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return errors.New("the URL can not be read: the database is no number")
	}
	o.DB = n
	return nil
}

func parameters(o *goredis.UniversalOptions, query string) error {
	q, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the URL can not be read: its parameters")
	}
	for name, values := range q {
		if err := parameter(o, name, values[len(values)-1]); err != nil {
			return err
		}
	}
	return nil
}

func parameter(o *goredis.UniversalOptions, name, v string) (err error) {
	switch name {
	case "username":
		o.Username = v
	case "password":
		o.Password = v
	case "sentinel_username":
		o.SentinelUsername = v
	case "sentinel_password":
		o.SentinelPassword = v
	case "db":
		return database(o, v)
	case "pool_size":
		if o.PoolSize, err = strconv.Atoi(v); err != nil || o.PoolSize < 1 {
			return errors.New("the URL can not be read: pool_size is no number")
		}
	case "ca", "skip_verify":
		return trust(o, name, v)
	default:
		return fmt.Errorf("the URL has a parameter that is not known: %q", name)
	}
	return nil
}

// trust says whose certificates are good.
func trust(o *goredis.UniversalOptions, name, v string) error {
	if o.TLSConfig == nil {
		return fmt.Errorf("the URL has the parameter %s, but its connections are not encrypted: use rediss", name)
	}
	if name == "skip_verify" {
		yes, err := strconv.ParseBool(v)
		if err != nil {
			return errors.New("the URL can not be read: skip_verify is neither true nor false")
		}
		o.TLSConfig.InsecureSkipVerify = yes // who runs it has said so
		return nil
	}
	pem, err := os.ReadFile(v) //nolint:gosec // who runs it names the file
	if err != nil {
		return fmt.Errorf("the certificates to trust: %w", err)
	}
	o.TLSConfig.RootCAs = x509.NewCertPool()
	if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("the certificates to trust: %s has none", v)
	}
	return nil
}

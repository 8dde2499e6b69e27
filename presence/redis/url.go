package redis

import (
	"errors"

	goredis "github.com/redis/go-redis/v9"
)

// parseURL reads a Redis URL.
func parseURL(raw string) (*goredis.UniversalOptions, error) {
	o, err := goredis.ParseURL(raw)
	if err != nil {
		return nil, errors.New("the URL can not be read")
	}
	return &goredis.UniversalOptions{Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig}, nil
}

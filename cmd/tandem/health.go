package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// healthCommand is tandem health: for containers, which have no curl.
type healthCommand struct {
	URL  string `placeholder:"URL" help:"What to ask. Default: /readyz of a server on this machine."`
	Port int    `env:"PORT" default:"5000" help:"Port of that server."`
}

// Run succeeds if a server here says that it is ready.
func (h *healthCommand) Run(ctx context.Context, stdout, _ io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if h.URL != "" {
		return ask(ctx, h.URL, stdout)
	}
	host := net.JoinHostPort("localhost", strconv.Itoa(h.Port))
	err := ask(ctx, "http://"+host+"/readyz", stdout)
	if err != nil && ask(ctx, "https://"+host+"/readyz", stdout) == nil { // it serves TLS
		return nil
	}
	return err
}

func ask(ctx context.Context, url string, stdout io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("%q can not be asked", url)
	}
	// Which certificate it shows is not the question here.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}} //nolint:gosec // see above
	res, err := client.Do(req)
	if err != nil {
		return errors.New("no answer")
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
	_, _ = fmt.Fprintf(stdout, "%s\n", body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", res.Status)
	}
	return nil
}

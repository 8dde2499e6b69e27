package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// listen opens the listeners. "localhost" means both families of loopback:
// browsers and Node try ::1 first, phones' simulators 127.0.0.1.
func (a *App) listen(ctx context.Context) error {
	host, port, err := a.cfg.address()
	if err != nil {
		return err
	}
	hosts := []string{host}
	if strings.EqualFold(host, "localhost") {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var lc net.ListenConfig
	for i, h := range hosts {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(h, strconv.Itoa(port)))
		if err != nil {
			if i > 0 { // a machine without IPv6, or a free port that is taken there
				a.log.Debug("not listening", "address", h, "error", err)
				continue
			}
			return listenError(err, port)
		}
		a.listeners = append(a.listeners, l)
		port = l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // tcp was asked for
	}
	if a.cfg.Address.AdminListen == "" {
		return nil
	}
	a.operators, err = lc.Listen(ctx, "tcp", a.cfg.Address.AdminListen)
	if err != nil {
		return fmt.Errorf("operators' address: %w", err)
	}
	return nil
}

func listenError(err error, port int) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d is in use by another program: stop it or choose another one with --port (%w)", port, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on port %d: choose one above 1023 with --port (%w)", port, err)
	}
	return fmt.Errorf("listening: %w", err)
}

// Port is the port that the app listens on.
func (a *App) Port() int {
	return a.listeners[0].Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // see listen
}

// URL is the app's address on this machine, without a slash at the end.
func (a *App) URL() string {
	host := "localhost"
	if addr, ok := a.listeners[0].Addr().(*net.TCPAddr); ok && !addr.IP.IsUnspecified() && !addr.IP.IsLoopback() {
		host = addr.IP.String()
	}
	return a.scheme() + "://" + net.JoinHostPort(host, strconv.Itoa(a.Port()))
}

// AdminURL is the operators' address, "" without one.
func (a *App) AdminURL() string {
	if a.operators == nil {
		return ""
	}
	return "http://" + a.operators.Addr().String()
}

func (a *App) scheme() string {
	if a.tls != nil {
		return "https"
	}
	return "http"
}

// lanURLs are the addresses under which other machines reach the app.
func (a *App) lanURLs() []string {
	addr, ok := a.listeners[0].Addr().(*net.TCPAddr)
	if !ok || !addr.IP.IsUnspecified() {
		return nil
	}
	var urls []string
	for _, ip := range lanAddresses() {
		urls = append(urls, a.scheme()+"://"+net.JoinHostPort(ip.String(), strconv.Itoa(addr.Port)))
	}
	return urls
}

// lanAddresses are this machine's addresses, IPv4 first, without loopback and
// link-local ones.
func lanAddresses() []net.IP {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var four, six []net.IP
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || !n.IP.IsGlobalUnicast() {
			continue
		}
		if ip := n.IP.To4(); ip != nil {
			four = append(four, ip)
		} else {
			six = append(six, n.IP)
		}
	}
	return append(four, six...)
}

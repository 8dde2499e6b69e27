package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	dir := flag.String("dir", ".", "where the data is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *dir); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends; the line that it prints first is its address.
func run(ctx context.Context, listen, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	inner, err := os.MkdirTemp("", "ferret")
	if err != nil {
		return err
	}
	defer os.RemoveAll(inner)
	socket := filepath.Join(inner, "s")
	db, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{Unix: socket}, Handler: "sqlite", Logger: slog.New(slog.DiscardHandler),
		SQLiteURL: "file:" + dir + "/?_pragma=journal_mode(wal)&_pragma=synchronous(off)&_pragma=busy_timeout(10000)",
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	s := &server{socket: socket}
	go func() {
		<-ctx.Done()
		l.Close()
	}()
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return <-ended
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := s.serve(ctx, c); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
				log.Print(err)
			}
		}()
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

// server passes messages of the wire protocol to FerretDB, and has commands that
// write take turns.
type server struct {
	socket string
	turn   sync.Mutex
}

// A message begins with its length, its number, the number of what it answers,
// and its kind, each of four bytes.
const (
	header   = 16
	kindMsg  = 2013
	maxWhole = 64 << 20
)

func (s *server) serve(ctx context.Context, client net.Conn) error {
	db, err := (&net.Dialer{}).DialContext(ctx, "unix", s.socket)
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return err
		}
		answer, err := s.ask(db, request)
		if err != nil {
			return err
		}
		if _, err := client.Write(answer); err != nil {
			return err
		}
	}
}

func (s *server) ask(db net.Conn, request []byte) ([]byte, error) {
	if writes[command(request)] {
		s.turn.Lock()
		defer s.turn.Unlock()
	}
	if _, err := db.Write(request); err != nil {
		return nil, err
	}
	return readMessage(db)
}

func readMessage(r io.Reader) ([]byte, error) {
	b := make([]byte, header)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(b)
	if n < header || n > maxWhole {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	b = append(b, make([]byte, n-header)...)
	_, err := io.ReadFull(r, b[header:])
	return b, err
}

var writes = map[string]bool{
	"insert": true, "update": true, "delete": true, "findAndModify": true, "findandmodify": true, "create": true, "createIndexes": true, "drop": true,
	"dropDatabase": true,
}

// command is the name of a command: of an OP_MSG the first key of the document in
// its first section.
func command(b []byte) string {
	const name = header + 4 + 1 + 4 + 1 // flags, kind of section, length of document, type of value
	if len(b) < name || binary.LittleEndian.Uint32(b[12:]) != kindMsg {
		return ""
	}
	end := bytes.IndexByte(b[name:], 0)
	if end < 0 {
		return ""
	}
	return string(b[name : name+end])
}

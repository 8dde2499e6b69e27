package engine

import (
	"crypto/rand"
	"encoding/base64"
)

// newID makes a session id: 120 random bits in 20 characters, behind the tag of
// this server if it has one.
func (srv *Server) newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails
	id := base64.RawURLEncoding.EncodeToString(b[:])
	if srv.cfg.Tag == nil {
		return id
	}
	return Tagged(srv.cfg.Tag(), id)
}

// Tagged puts a server's tag in front of an id; an empty one changes nothing.
func Tagged(tag, id string) string {
	if tag == "" {
		return id
	}
	return tag + "-" + id
}

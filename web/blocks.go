package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Blocks is what the routes about blocked users stand on (C15).
type Blocks interface {
	Block(ctx context.Context, user, other string) error
	Unblock(ctx context.Context, user, other string) error
	// Blocked lists whom the user has blocked.
	Blocked(ctx context.Context, user string) ([]string, error)
	// HiddenFrom returns who looks offline to the user.
	HiddenFrom(ctx context.Context, user string) (map[string]struct{}, error)
}

// blocksAnswer lists whom the caller has blocked, sorted.
type blocksAnswer struct {
	Users []string `json:"users"`
}

// blockedAnswer says how it stands with one of them.
type blockedAnswer struct {
	UserID  string `json:"userId"`
	Blocked bool   `json:"blocked"`
}

type blockBody struct {
	UserID string `json:"userId"`
}

var errNoBlocks = wire.Errorf(wire.CodeNotConfigured, "This server keeps no lists of blocked users.")

func (s *Server) listBlocks(r *http.Request, caller *auth.Identity) (int, any, error) {
	if s.parts.Blocks == nil {
		return 0, nil, errNoBlocks
	}
	list, err := s.parts.Blocks.Blocked(r.Context(), caller.User)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, blocksAnswer{append([]string{}, list...)}, nil
}

func (s *Server) block(r *http.Request, caller *auth.Identity) (int, any, error) {
	if s.parts.Blocks == nil {
		return 0, nil, errNoBlocks
	}
	var body blockBody
	if err := readBody(r, &body); err != nil {
		return 0, nil, err
	}
	if !wire.ValidUserID(body.UserID) {
		return 0, nil, wire.Errorf(wire.CodeBadPayload, "userId must be the id of a user.")
	}
	if err := s.parts.Blocks.Block(lasting(r), caller.User, body.UserID); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, blockedAnswer{body.UserID, true}, nil
}

func (s *Server) unblock(r *http.Request, caller *auth.Identity) (int, any, error) {
	if s.parts.Blocks == nil {
		return 0, nil, errNoBlocks
	}
	user, err := peerOf(r)
	if err != nil {
		return 0, nil, err
	}
	if err := s.parts.Blocks.Unblock(lasting(r), caller.User, user); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, blockedAnswer{user, false}, nil
}

// shown leaves those out who look offline to the caller.
func shown(users []string, hidden map[string]struct{}) []string {
	if len(hidden) == 0 {
		return users
	}
	return slices.DeleteFunc(users, func(u string) bool { _, is := hidden[u]; return is })
}

// hiddenFrom is who looks offline to who asks; nobody where that is not known.
func (s *Server) hiddenFrom(r *http.Request) map[string]struct{} {
	caller := Caller(r.Context())
	if s.parts.Blocks == nil || caller == nil {
		return nil
	}
	hidden, err := s.parts.Blocks.HiddenFrom(r.Context(), caller.User)
	if err != nil {
		s.log.DebugContext(r.Context(), "who is hidden from a user is not to be had", "user", caller.User, "error", err)
	}
	return hidden
}

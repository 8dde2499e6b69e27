package web

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

const (
	onlinePage    = 500   // user ids in a page that names no limit
	onlineMaxPage = 1_000 // the most that a page may have
	maxCursor     = 512   // bytes
)

type onlineAnswer struct {
	Users []string `json:"users"`
	Next  string   `json:"next,omitempty"`
}

// onlineUsers answers who is online. Plain, it is one array of all ids, as
// existing callers expect. With ?page= (a cursor; empty for the first page) or
// ?limit= (1 to 1000) it is {"users":[…],"next":"<cursor>"}; no next: the last page.
func (s *Server) onlineUsers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !q.Has("page") && !q.Has("limit") {
		s.allOnline(w, r)
		return
	}
	limit := onlinePage
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 {
			writeError(w, wire.Errorf(wire.CodeBadPayload, "limit must be a number from 1 to 1000."))
			return
		}
		limit = min(n, onlineMaxPage)
	}
	cursor := q.Get("page")
	if len(cursor) > maxCursor {
		writeError(w, wire.Errorf(wire.CodeBadPayload, "page is not a cursor of this server."))
		return
	}
	ids, next, err := s.parts.Online.OnlineUsers(r.Context(), cursor, limit)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if ids = shown(ids, s.hiddenFrom(r)); ids == nil {
		ids = []string{}
	}
	writeJSON(w, http.StatusOK, onlineAnswer{ids, next})
}

// allOnline writes the array page by page: memory does not grow with the site.
func (s *Server) allOnline(w http.ResponseWriter, r *http.Request) {
	var (
		body    []byte
		started bool
		cursor  string
	)
	hidden := s.hiddenFrom(r)
	for {
		ids, next, err := s.parts.Online.OnlineUsers(r.Context(), cursor, onlineMaxPage)
		switch {
		case err != nil && !started:
			s.fail(w, r, err)
			return
		case err != nil: // half an array can not be called back: cut the connection
			s.log.WarnContext(r.Context(), "the list of online users broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
		ids = shown(ids, hidden)
		body = body[:0]
		for i, id := range ids {
			if started || i > 0 {
				body = append(body, ',')
			} else {
				body = append(body, '[')
			}
			quoted, err := json.Marshal(id)
			if err != nil {
				continue // strings always encode
			}
			body = append(body, quoted...)
		}
		if !started && len(ids) == 0 && next == "" {
			body = append(body, '[')
		}
		if next == "" {
			body = append(body, ']')
		}
		if len(body) == 0 {
			cursor = next
			continue
		}
		if !started {
			started = true
			h := w.Header()
			h.Set("Content-Type", "application/json; charset=utf-8")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cache-Control", "no-store")
		}
		if _, err := w.Write(body); err != nil || next == "" {
			return
		}
		cursor = next
	}
}

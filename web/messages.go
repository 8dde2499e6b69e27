package web

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/tandem-rtc/tandem/signaling/auth"
	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

// history answers with the newest messages between the caller and somebody,
// oldest first; none is an empty array.
func (s *Server) history(r *http.Request, caller *auth.Identity) (int, any, error) {
	peer, err := peerOf(r)
	if err != nil {
		return 0, nil, err
	}
	before, limit, err := pageOf(r, "before", s.cfg.HistoryLimit)
	if err != nil {
		return 0, nil, err
	}
	list, err := s.parts.Chat.History(r.Context(), caller.User, peer, before, limit)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, json.RawMessage(chat.AppendList(nil, list)), nil
}

func (s *Server) sendMessage(r *http.Request, caller *auth.Identity) (int, any, error) {
	peer, err := peerOf(r)
	if err != nil {
		return 0, nil, err
	}
	var body sendBody
	if err := readBody(r, &body); err != nil {
		return 0, nil, err
	}
	if !caller.May("message") { // C15
		return 0, nil, errMayNotMessage
	}
	m, deliver, err := s.parts.Chat.SendMessage(lasting(r), caller, body.draft(peer))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, sent{messageJSON(m), deliver}, nil
}

func (s *Server) react(r *http.Request, caller *auth.Identity) (int, any, error) {
	var body reactBody
	if err := readBody(r, &body); err != nil {
		return 0, nil, err
	}
	id, err := messageOf(body.MessageID)
	if err != nil {
		return 0, nil, err
	}
	if !caller.May("message") {
		return 0, nil, errMayNotMessage
	}
	m, err := s.parts.Chat.React(lasting(r), caller.User, id, body.Emoji)
	return changed(http.StatusOK, m, err)
}

func (s *Server) editMessage(r *http.Request, caller *auth.Identity) (int, any, error) {
	id, err := messageOf(pathID(r))
	if err != nil {
		return 0, nil, err
	}
	var body editBody
	if err := readBody(r, &body); err != nil {
		return 0, nil, err
	}
	if body.Text == nil {
		return 0, nil, wire.Errorf(wire.CodeBadPayload, "text is missing.")
	}
	if !caller.May("message") {
		return 0, nil, errMayNotMessage
	}
	m, err := s.parts.Chat.EditMessage(lasting(r), caller.User, id, *body.Text)
	return changed(http.StatusOK, m, err)
}

var errMayNotMessage = wire.Errorf(wire.CodeForbidden, "Your token does not allow messages.")

// deletedAnswer has a sentence, which is what front ends show.
type deletedAnswer struct {
	Message   string `json:"message"`
	MessageID string `json:"messageId"`
}

func (s *Server) deleteMessage(r *http.Request, caller *auth.Identity) (int, any, error) {
	id, err := messageOf(pathID(r))
	if err != nil {
		return 0, nil, err
	}
	forMe := false
	if q := r.URL.Query().Get("forMe"); q != "" {
		if forMe, err = strconv.ParseBool(q); err != nil {
			return 0, nil, wire.Errorf(wire.CodeBadPayload, "forMe must be 1 or 0.")
		}
	}
	if err := s.parts.Chat.DeleteMessage(lasting(r), caller.User, id, forMe); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, deletedAnswer{"Message deleted", id}, nil
}

// conversation is how the caller stands with somebody.
type conversation struct {
	Peer   string          `json:"peer"`
	Last   json.RawMessage `json:"lastMessage"`
	Unread int             `json:"unread"`
}

type conversationsAnswer struct {
	Conversations []conversation `json:"conversations"`
	Next          string         `json:"next,omitempty"`
}

func (s *Server) conversations(r *http.Request, caller *auth.Identity) (int, any, error) {
	cursor, limit, err := pageOf(r, "cursor", chatPage)
	if err != nil {
		return 0, nil, err
	}
	list, next, err := s.parts.Chat.Conversations(r.Context(), caller.User, cursor, limit)
	if err != nil {
		return 0, nil, err
	}
	answer := conversationsAnswer{Conversations: make([]conversation, len(list)), Next: next}
	for i, c := range list {
		answer.Conversations[i] = conversation{Peer: c.Peer, Last: messageJSON(c.Last), Unread: c.Unread}
	}
	return http.StatusOK, answer, nil
}

func changed(status int, m *chat.Message, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	return status, messageJSON(m), nil
}

func messageJSON(m *chat.Message) json.RawMessage { return chat.AppendJSON(nil, m) }

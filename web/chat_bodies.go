package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tandem-rtc/tandem/signaling/chat"
	"github.com/tandem-rtc/tandem/signaling/wire"
)

const (
	chatMaxPage = 1_000 // the most that a page of messages, conversations or calls may have
	chatPage    = 50    // conversations or calls in a page that names no limit
)

// sendBody is a message to send. Members that front ends send besides are left
// aside: what an answered message says is known here.
type sendBody struct {
	Text    string `json:"text"`
	Media   string `json:"media"`
	ReplyTo *struct {
		MessageID string `json:"messageId"`
	} `json:"replyTo"`
	ClientID string `json:"clientId"`
}

func (b sendBody) draft(to string) chat.Draft {
	d := chat.Draft{To: to, Text: b.Text, Media: b.Media, ClientID: b.ClientID}
	if b.ReplyTo != nil {
		d.ReplyTo = b.ReplyTo.MessageID
	}
	return d
}

type reactBody struct {
	MessageID string `json:"messageId"`
	Emoji     string `json:"emoji"`
}

type editBody struct {
	Text *string `json:"text"`
}

// seenBody names a time, as ISO 8601 or in milliseconds since 1970; without one
// it is now.
type seenBody struct {
	Until instant `json:"until"`
}

// instant is a time in one of the two ways in which front ends write it.
type instant struct{ time.Time }

// UnmarshalJSON reads a date, a number of milliseconds, or null.
func (t *instant) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '"' {
		var ms *int64
		if err := json.Unmarshal(b, &ms); err != nil || ms == nil {
			return err
		}
		if *ms < 0 || *ms > maxMillis {
			return errors.New("a time out of range")
		}
		t.Time = time.UnixMilli(*ms)
		return nil
	}
	if err := json.Unmarshal(b, &t.Time); err != nil {
		return err
	}
	if ms := t.UnixMilli(); ms < 0 || ms > maxMillis {
		return errors.New("a time out of range")
	}
	return nil
}

// maxMillis is the last moment of the year 9999, the last that ISO 8601 writes
// with four digits.
const maxMillis = 253_402_300_799_999

// readBody reads one JSON object and nothing after it.
func readBody(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body) // bounded by api
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return wire.Errorf(wire.CodeTooLarge, "")
	case err != nil:
		return wire.Errorf(wire.CodeBadPayload, "The body did not arrive whole.")
	}
	return parseBody(body, v)
}

func parseBody(body []byte, v any) error {
	if json.Unmarshal(body, v) != nil {
		return wire.Errorf(wire.CodeBadPayload, "The body is not the JSON object that this route takes.")
	}
	return nil
}

// pageOf reads ?limit= and a cursor of a list.
func pageOf(r *http.Request, cursorName string, standard int) (cursor string, limit int, err error) {
	q := r.URL.Query()
	limit = standard
	if q.Get("limit") != "" {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 {
			return "", 0, wire.Errorf(wire.CodeBadPayload, "limit must be a number from 1 to 1000.")
		}
		limit = min(n, max(chatMaxPage, standard))
	}
	cursor = q.Get(cursorName)
	if len(cursor) > maxCursor {
		return "", 0, wire.Errorf(wire.CodeBadPayload, cursorName+" is not a cursor of this server.")
	}
	return cursor, limit, nil
}

// peerOf is the user that a path names.
func peerOf(r *http.Request) (string, error) {
	peer := pathID(r)
	if !wire.ValidUserID(peer) {
		return "", wire.Errorf(wire.CodeBadPayload, "The path does not end in the id of a user.")
	}
	return peer, nil
}

// messageOf is the message that a path or a body names.
func messageOf(id string) (string, error) {
	switch {
	case id == "":
		return "", wire.Errorf(wire.CodeBadPayload, "messageId is missing.")
	case len(id) > wire.MaxMessageID:
		return "", chat.ErrNotFound
	}
	return id, nil
}

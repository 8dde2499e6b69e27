package emitter

import (
	"encoding/json"
	"fmt"

	"github.com/tandem-rtc/tandem/signaling"
)

// The types of requests between servers of Socket.IO's Redis adapter.
const (
	requestSockets = iota
	requestAllRooms
	requestJoin
	requestLeave
	requestDisconnect
	requestFetch
	requestServerSideEmit
)

var requestNames = [...]string{
	requestSockets: "sockets", requestAllRooms: "allRooms", requestJoin: "socketsJoin", requestLeave: "socketsLeave",
	requestDisconnect: "disconnectSockets", requestFetch: "fetchSockets", requestServerSideEmit: "serverSideEmit",
}

func requestName(kind int) string {
	if kind >= 0 && kind < len(requestNames) {
		return requestNames[kind]
	}
	return fmt.Sprintf("type %d", kind)
}

// request is what is asked of servers, in JSON. Of those there are only
// disconnectSockets is done.
type request struct {
	Type int `json:"type"`
	Opts struct {
		Rooms  []room `json:"rooms"`
		Except []room `json:"except"`
	} `json:"opts"`
}

// room is a name: a text, or a number.
type room string

func (r *room) UnmarshalJSON(b []byte) error {
	var n json.Number
	if len(b) > 0 && b[0] != '"' {
		err := json.Unmarshal(b, &n)
		*r = room(n)
		return err
	}
	return json.Unmarshal(b, (*string)(r))
}

func decodeRequest(b []byte) (r request, err error) {
	r.Type = -1
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return r, nil
}

func (r *request) audience() signaling.Audience {
	return signaling.Audience{Rooms: names(r.Opts.Rooms), Except: names(r.Opts.Except)}
}

func names(rooms []room) []string {
	list := make([]string, len(rooms))
	for i, r := range rooms {
		list[i] = string(r)
	}
	return list
}

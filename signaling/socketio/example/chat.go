package main

import (
	"encoding/json"
	"time"

	"github.com/tandem-rtc/tandem/signaling/socketio"
)

// newChat makes the server. A guest's name is the Data of its socket.
func newChat() (*socketio.Server, error) {
	srv, err := socketio.NewServer(socketio.Config{
		// A guest who loses the network for less than this misses nothing.
		Recovery: socketio.Recovery{
			Window: 30 * time.Second,
			Allow:  func(old, fresh *socketio.Socket) bool { return old.Data == fresh.Data },
		},
	})
	if err != nil {
		return nil, err
	}
	chat := srv.Of("/")
	chat.Use(introduce)
	chat.OnConnection(func(s *socketio.Socket) {
		s.On("join", func(e *socketio.Event) { join(chat, s, e) })
		s.On("say", func(e *socketio.Event) { say(s, e) })
		s.OnDisconnect(func(reason socketio.Reason) {
			_ = s.Broadcast().Emit("left", name(s), string(reason))
		})
	})
	return srv, nil
}

// introduce refuses guests without a name.
func introduce(s *socketio.Socket) error {
	var auth struct{ Name string }
	if json.Unmarshal(s.Handshake().Auth, &auth) != nil || auth.Name == "" {
		return &socketio.ConnectError{Message: "who are you?", Data: map[string]string{"missing": "name"}}
	}
	s.Data = auth.Name
	return nil
}

func name(s *socketio.Socket) string { return s.Data.(string) }

// join puts a guest into a room, tells the others, and answers with who is there.
func join(chat *socketio.Namespace, s *socketio.Socket, e *socketio.Event) {
	var room string
	if e.Bind(&room) != nil || room == "" {
		return
	}
	s.Join(room)
	_ = s.To(room).Emit("joined", room, name(s))
	members := []string{}
	for _, other := range chat.To(room).Sockets() {
		members = append(members, name(other))
	}
	_ = e.Ack(members)
}

// say passes a text, and perhaps a picture, on to the others in a room.
func say(s *socketio.Socket, e *socketio.Event) {
	var room, text string
	var picture []byte
	if e.Bind(&room, &text, &picture) != nil || !s.In(room) {
		return
	}
	if picture == nil {
		_ = s.To(room).Emit("said", room, name(s), text)
	} else {
		_ = s.To(room).Emit("said", room, name(s), text, picture)
	}
	_ = e.Ack()
}

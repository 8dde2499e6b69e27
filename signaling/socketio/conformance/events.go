package main

import (
	"bytes"

	"github.com/tandem-rtc/tandem/signaling/socketio"
	"github.com/tandem-rtc/tandem/signaling/socketio/engine"
)

// register sets the namespaces up.
func register(srv *socketio.Server) {
	greet := func(s *socketio.Socket) {
		s.EmitRaw(socketio.MustArrive, "auth", s.Handshake().Auth)
		s.Flush()
	}
	srv.Of("/custom").OnConnection(greet)
	srv.Of("/locked").Use(func(*socketio.Socket) error {
		return &socketio.ConnectError{Message: "not allowed", Data: map[string]int{"code": 401}}
	})
	main := srv.Of("/")
	main.OnConnection(greet)
	main.OnConnection(func(s *socketio.Socket) {
		s.On("message", func(e *socketio.Event) {
			s.EmitBinary(socketio.MustArrive, "message-back", e.Args, e.Attachments)
		})
		s.On("message-with-ack", func(e *socketio.Event) {
			e.AckBinary(e.Args, e.Attachments)
		})
		s.On("join", func(e *socketio.Event) {
			var room string
			if e.Bind(&room) == nil {
				s.Join(room)
			}
			_ = e.Ack()
		})
		s.On("bcast", func(e *socketio.Event) { broadcast(main, e) })
		s.On("ask-me", func(*socketio.Event) { ask(s) })
		s.On("drop", func(*socketio.Event) { s.Cut() })
		s.On("bye", func(*socketio.Event) { s.Disconnect(false) })
	})
}

// broadcast emits bc with all but the first argument, which is the room.
func broadcast(n *socketio.Namespace, e *socketio.Event) {
	var room string
	args := e.List(nil)
	if len(args) == 0 || e.Bind(&room) != nil {
		return
	}
	rest := bytes.Join(args[1:], []byte(","))
	for _, s := range n.To(room).Sockets() {
		s.EmitBinary(socketio.MustArrive, "bc", rest, e.Attachments)
		s.Flush()
	}
}

// ask emits question and then answer-was with what came back.
func ask(s *socketio.Socket) {
	s.Ask("question", nil, 0, func(e *socketio.Event, err error) {
		if err == nil {
			s.EmitBinary(socketio.MustArrive, "answer-was", e.Args, e.Attachments)
			s.Flush()
		}
	})
}

// echo sends every Engine.IO message back.
type echo struct{}

func (echo) OnMessage(s *engine.Socket, binary bool, data []byte) {
	s.Queue(engine.MustArrive, binary, data)
}
func (echo) OnIdle(*engine.Socket)                {}
func (echo) OnClose(*engine.Socket, engine.Close) {}

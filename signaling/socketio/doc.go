// Package socketio is a Socket.IO server: protocol 5 over Engine.IO 4, what
// socket.io-client 4.x and its Swift, Java, Dart and Python kin speak
// (https://socket.io/docs/v4/socket-io-protocol/). It knows namespaces,
// middleware, rooms, acknowledgements both ways, binary attachments both ways,
// and connection state recovery. The transports are in package engine below.
//
// There are two ways to use it. The convenient one decodes and encodes:
//
//	srv, err := socketio.NewServer(socketio.Config{})
//	srv.Of("/").OnConnection(func(s *socketio.Socket) {
//		s.On("chat", func(e *socketio.Event) {
//			var text string
//			if e.Bind(&text) == nil {
//				s.Broadcast().Emit("chat", s.ID(), text)
//			}
//		})
//	})
//	http.Handle("/socket.io/", srv)
//
// The raw one forwards JSON as it came, without reflection and without
// decoding: [Namespace.Hook] with [Hooks].Packet, [Socket.EmitRaw], [Message]
// for what goes to many, and one Flush for everything a batch of packets
// caused, in [Hooks].Idle.
//
// # Concurrency
//
// Everything a client sends is handled one packet at a time, in order, on the
// goroutine that reads from it; a handler that waits makes only its own client
// wait (and must not wait for that client: see [Socket.EmitWithAck]). All
// methods may be called from any goroutine.
//
// # The life of a socket
//
// Without recovery a socket is connected, then gone: OnDisconnect. With it, a
// socket whose transport vanished is away: OnAway. It keeps its id, its rooms,
// its Data and its listeners, and packets of the MustArrive lane are kept for
// it. If the client comes back in time the same *Socket is connected again:
// OnBack; OnConnection is not called a second time. Else, and always after a
// DISCONNECT packet, it is gone: OnDisconnect, exactly once. A client may also
// come back to another server, which takes its socket from this one: see
// [Recovery].Fetch and [Socket.Export].
package socketio

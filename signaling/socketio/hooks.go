package socketio

// Hooks are the callbacks of a whole namespace. They cost nothing per socket,
// which is what a server with very many of them wants; [Socket.On] and its
// like are the convenient way. Any of them may be nil. Calls for one socket
// never overlap, with one exception: Away and Disconnect may come while a
// Packet call of the same socket is still running if the server ended the
// session meanwhile.
type Hooks struct {
	// Packet gets every event before the listeners of [Socket.On]; true means
	// that it has been dealt with and the listeners are not called.
	Packet func(s *Socket, e *Event) (done bool)
	// Idle comes when everything that had arrived from the client has been
	// handed over: flush here what was queued for other sockets.
	Idle func(s *Socket)
	// Away comes when the transport is gone but the client may come back
	// within the recovery window. code as in engine.Close.Code.
	Away func(s *Socket, reason Reason, code int)
	// Back comes when it did, before the packets it missed are sent.
	// [Socket.Handshake] is the new one.
	Back func(s *Socket)
	// Disconnect comes exactly once, when the socket is gone for good.
	Disconnect func(s *Socket, reason Reason, code int)
}

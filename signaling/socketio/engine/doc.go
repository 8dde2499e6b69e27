// Package engine speaks Engine.IO protocol 4 on the server side: long polling
// and WebSocket, the upgrade from one to the other, heartbeats, payload limits
// and the six error codes, as clients of socket.io-client 4.x expect them
// (https://socket.io/docs/v4/engine-io-protocol/).
//
// It owns the transports and the sessions; what the messages mean is the
// business of a [Handler]. Package socketio is one such handler, but the
// package is usable alone: [NewServer] gives an http.Handler, and the accept
// function it is given turns each new session into a Handler.
//
// A session costs little while it waits: no goroutine and no timer of its own
// (one wheel serves all), and polling state only while it polls. A message
// that arrives over WebSocket is handed to the Handler without a copy.
//
// # Concurrency
//
// Calls to the Handler of one socket never overlap: OnMessage and OnIdle come
// one at a time and in order, OnClose comes last and exactly once. All methods
// of [Socket] may be called from any goroutine, also from inside a Handler.
package engine

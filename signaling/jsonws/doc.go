// Package jsonws is the plain dialect: one JSON object per WebSocket frame, on
// /ws, subprotocol tandem.v1.
//
//	→ {"event":"call:user","args":[{…}],"id":7}
//	← {"ack":7,"args":[{…}]}                            or
//	← {"ack":7,"error":{"code":"busy","message":"…"}}
//	← {"event":"call:incoming","args":[{…}],"seq":17}
//
// A link outlives its socket: events with a seq are kept, bounded in bytes,
// until the client confirms them or is too long away; a client that comes back
// with its resume token gets those after the last seq it saw.
package jsonws

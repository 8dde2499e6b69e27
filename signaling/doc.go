// Package signaling is the switchboard: it knows the sessions of this node,
// takes their events one at a time, and delivers what follows to the sessions
// it concerns.
//
// An event travels one way: a dialect (sio, jsonws) reads it and calls
// Session.Receive; the dispatch table finds the handler named after the event;
// call events go through call.Step and the store of package presence; deliver
// turns effects into events and queues them on the links of the receiving
// sessions, which are flushed when the batch that was read is through
// (Session.Idle).
//
// The package knows no sockets, no Redis and no HTTP: those stay behind Link
// (what a dialect is to the switchboard) and presence.Store.
package signaling

// Package emitter takes what Node back ends publish on Redis with
// @socket.io/redis-emitter, so that those that emit through Redis keep working
// (M9): events to rooms, which are user ids or ids of sessions, or to everybody,
// and disconnectSockets.
//
// Redis gives each message to every node that listens, and each node tells its own
// sessions: nothing is passed on. A Listener is made and run by the command; it
// owns one subscription, which it makes again whenever it breaks. What is published
// meanwhile is lost, as it is for servers of Socket.IO's own adapter.
package emitter

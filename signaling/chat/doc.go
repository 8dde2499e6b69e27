// Package chat holds the rules of stored messages and the contract of the
// stores that keep them: what a message is, who may read or change it, how its
// status rises, what somebody missed. It does no I/O and knows no transport.
//
// The switchboard (package signaling) calls it for the events of the socket, and
// package web, through the switchboard, for the REST routes. Below it, sqlite
// and mongo implement the contract; chattest is the one suite that both pass.
package chat

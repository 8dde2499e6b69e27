// Command ferret is a server that speaks MongoDB's protocol, for tests: FerretDB
// with its SQLite back end. It is a module of its own, so that nothing of it gets
// into Tandem; package mongotest builds and starts it.
//
// FerretDB 1 does an update as a read and a write between which others may
// write. MongoDB promises that a change of one document is atomic, and programs
// rely on it, so that commands that write pass one after the other here.
package main

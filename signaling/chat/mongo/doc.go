// Package mongo keeps messages in MongoDB, for many nodes, in the collections
// that existing back ends have: what they wrote is read here, what is written
// here reads there. Everything of Tandem's own is in one field, "tandem", of a
// message, and in collections whose names begin with "tandem_".
//
// It asks of the server what every MongoDB gives: that a change of one document
// happens whole or not at all. There are no transactions, so that a single
// server will do. A change of a message is one update, which also leaves a token
// in the message; it is then written into the journals of its two people, and
// the token taken back. What a node that died left in between is found by its
// token and finished by any other (mend.go).
//
// A journal is a row of documents of 64 places each (append.go). A place is taken
// by pushing to the end, which the server does one after the other, so that the
// order of places is the order of commits however many nodes write.
package mongo

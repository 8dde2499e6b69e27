// Package sqlite keeps messages in one local file: the store of a single node,
// with no program beside it to run.
//
// One goroutine writes. What is asked for while it commits becomes its next
// transaction, so that the more there is to do, the more messages share one
// fsync; whoever is answered is on the disk (synchronous=FULL). A few other
// connections read, beside it (WAL). Every change takes the next number of one
// sequence, under the lock of the file, so that the order of numbers is the
// order of commits, even if two processes have the file open.
//
// The number at which a message was added is its key, and is in its id. How many
// messages somebody has not seen is counted in the row of the pair, which is
// written once a transaction. The writer knows the pairs and messages that it had
// lately without looking, until another process writes.
package sqlite

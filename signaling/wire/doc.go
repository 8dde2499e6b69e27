// Package wire holds what both dialects and every node must agree on: event
// names, payload types with their validation, error codes, end reasons and
// close codes. It is a leaf: it imports nothing of Tandem but the JSON scanner,
// and everything that speaks to a client imports it.
package wire

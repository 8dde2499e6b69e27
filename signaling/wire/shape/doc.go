// Package shape has the payloads of the protocol as JSON sees them: what clients
// send and what they are sent, one type for each, with the names of PROTOCOL.md.
//
// The switchboard reads and writes payloads byte by byte and does not use these
// types. The documents under /docs and the TypeScript types of the SDK are made
// of them (package apidoc), and tests hold them against what reads and writes:
// the fields of what clients send against the decoders of package wire, and all
// of them against what a real server answers to real clients.
//
// A pointer is what may be null, omitempty what may be absent. A comment of a
// field is its description in the documents.
package shape

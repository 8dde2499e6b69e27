// Package apidoc describes the protocol to programs and people: OpenAPI 3.1 for
// REST, AsyncAPI 3 for the socket, TypeScript types for the SDK.
//
// What it knows by itself are the events of the socket (events_*.go) with the
// payloads of package shape; REST routes are given to it by package web, which
// has their bodies. Everything is made when somebody runs `go generate ./web/...`
// (gen), and committed; a test fails when that is not current. The server only
// serves the files.
package apidoc

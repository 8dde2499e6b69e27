// Package testclient holds nothing but a test: the real socket.io-client under
// Node against the conformance server. The cases are in *.test.mjs.
package testclient

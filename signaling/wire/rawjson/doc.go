// Package rawjson looks into JSON without decoding it.
//
// Most of what passes through a switchboard is only forwarded: it has to be
// checked, split and put into another envelope, but nobody here needs it as Go
// values. The functions of this package validate a text completely (RFC 8259,
// UTF-8, bounded nesting) and hand out sub-slices of it; they allocate nothing
// unless a doc comment says so.
//
// Raw values ("raw" in the signatures below) are what Array, Elements and
// Object return: one valid value without surrounding white space. The helpers
// that take one (String, Int64, Bool ...) accept white space around it and
// report ok=false for anything else; they never panic.
package rawjson

import "errors"

// MaxDepth is how deep arrays and objects may be nested: [] is one deep.
const MaxDepth = 128

var (
	// ErrSyntax: the text is not exactly one valid JSON value in UTF-8, or is
	// nested deeper than MaxDepth.
	ErrSyntax = errors.New("rawjson: invalid JSON")
	// ErrType: the text may be valid JSON but is not of the kind asked for. What
	// follows its first byte has not been checked.
	ErrType = errors.New("rawjson: another kind of value")
	// ErrStopped: the callback of Object returned false. What follows the member
	// it was called with has not been checked.
	ErrStopped = errors.New("rawjson: stopped")
)

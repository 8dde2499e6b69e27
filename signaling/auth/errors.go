package auth

import (
	"errors"

	"github.com/tandem-rtc/tandem/signaling/wire"
)

// Error is a refusal that a client may see. Its code is one of wire's table.
type Error struct{ problem *wire.Problem }

func refusal(code wire.Code, message string) *Error {
	return &Error{wire.Errorf(code, message)}
}

// Error is the code and the sentence.
func (e *Error) Error() string { return "auth: " + e.problem.Error() }

// Code is the stable code, as in wire.Code.
func (e *Error) Code() string { return string(e.problem.Code) }

// Unwrap gives the *wire.Problem, so that wire.ProblemOf keeps the sentence.
func (e *Error) Unwrap() error { return e.problem }

// The refusals. What Verify and Authenticate return wraps one of them; the
// details around it are for the log, never for the client, and hold no secret.
var (
	// ErrNoToken: the server wants a token and none was shown.
	ErrNoToken = refusal(wire.CodeUnauthorized, "")
	// ErrInvalidToken: malformed, wrong signature, wrong algorithm, wrong
	// audience or issuer, not valid yet, or without a usable user id.
	ErrInvalidToken = refusal(wire.CodeUnauthorized, "The token is not valid here.")
	// ErrTokenExpired: the token was good once.
	ErrTokenExpired = refusal(wire.CodeTokenExpired, "")
	// ErrInvalidUser: the user id given is empty, too long, not printable, or
	// one of the words that front ends send before anybody is signed in.
	ErrInvalidUser = refusal(wire.CodeUnauthorized, "The user id is missing or not usable.")
	// ErrIdentityMismatch: query.userId contradicts the token.
	ErrIdentityMismatch = refusal(wire.CodeIdentityMismatch, "")
	// ErrOriginNotAllowed: an identity by cookie came without an allowed Origin.
	ErrOriginNotAllowed = refusal(wire.CodeOriginNotAllowed, "")
	// ErrNotLocal: the server has no secret and the client is not on this
	// machine, or something forwarded its request.
	ErrNotLocal = refusal(wire.CodeForbidden,
		"This server has no secret for tokens and so serves only this machine.")
	// ErrForbidden: a good identity that may not do this.
	ErrForbidden = refusal(wire.CodeForbidden, "")
	// ErrKeysUnavailable: the token may be good, but the keys of the JWKS URL
	// could not be had.
	ErrKeysUnavailable = refusal(wire.CodeUnavailable, "")
)

// What can be wrong with a claim; always inside ErrInvalidToken.
var (
	errNotText = errors.New("not a string")
	errNotDate = errors.New("not a date in seconds")
	errNotList = errors.New("not a list of strings")
)

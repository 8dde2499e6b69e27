// Package permit asks somebody else who may call and message whom (C15): an HTTP
// endpoint of the site's back end. Answers are remembered for a while, a question
// that is being asked is not asked again, and an endpoint that does not answer is
// left alone for a while, so that nobody waits for it in vain.
//
// The switchboard (package signaling) is the only user. It looks into what is
// Known first, which blocks nobody, and asks on a goroutine of its own.
package permit

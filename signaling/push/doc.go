// Package push wakes browsers that have no page open: Web Push (RFC 8030) of
// calls that ring and messages that arrive, encrypted for the one browser that it
// is for (RFC 8291) and signed with the site's own key (VAPID, RFC 8292).
//
// A Service is told of things by whoever routes calls and messages, and answers at
// once: it looks up the user's subscriptions and posts to their push services on
// goroutines of its own, in lanes by push service, so that one that is dead or
// slow delays nobody else. What a subscription no longer needs is taken back
// before it is sent; what a push service says is gone is forgotten.
//
// Subscriptions are kept by a Store: Memory, a table of chat/sqlite, or hashes of
// presence/redis. pushtest is the suite that all pass, and a push service for
// tests.
package push

// Package webhook tells back ends of calls, messages and who comes and goes (M9):
// events in the form of Standard Webhooks, signed, kept in an outbox until they
// are delivered, tried again for a day.
//
// A Sender is a signaling.Notifier: what the switchboard tells it is durable in an
// Outbox when Notify returns. For each endpoint a courier claims what is due there,
// the oldest event of each lane (a call, a conversation, a user), posts it and says
// what became of it; so an endpoint that is dead or slow delays no other, and the
// events of one call arrive in their order. Where nodes share an outbox whoever
// claims an event delivers it, and if that node dies another one does, once its
// claim has run out. An endpoint may get an event twice, then under the same id.
//
// The outboxes are below: sqlite for a node that is alone, redis for many.
// outboxtest is the suite that both pass.
//
// Endpoints are named by the operator, never by a client: there is no address that
// a stranger could make the server call. Redirects are not followed, and what an
// endpoint answers is read no further than its status and Retry-After.
package webhook

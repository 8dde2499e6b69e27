// Package call is the call machine: what happens to one call between two
// users, whoever holds it and however many nodes there are.
//
// It is pure. [Step] takes a call, an input and the time, and gives the next
// version of the call with the effects that others must be told of: no clock,
// no I/O, no locks, no goroutines. A [Call] is a value; Step never changes
// what it was given, so a store may step the same version twice, keep the
// result that won its compare-and-set on [Call.Version], and forget the other.
//
// Effects are numbered and stay in the call's outbox until they are
// acknowledged ([Ack]), so that a node which dies between storing a step and
// telling about it leaves nothing unsaid; receivers drop the numbers that
// they have seen.
//
// Before there is a call, [Decide] says what a call:user means in view of the
// live calls of both users, and [Match] finds the call that an event without
// a call id belongs to. [SignalInfo] looks into a raw signal just deep enough
// for both.
//
// What the holders of calls owe it:
//   - effects of one call are handed over in their order, and those of calls
//     that a decision superseded before those of the new one;
//   - a device that was told that a call is over, or ended or left it itself,
//     is not given a later EffectIncoming of it (an inbox may be slow);
//   - every device that was given an EffectIncoming is reported: by Ring.Devices,
//     DeviceOnline or Delivered. Those are told of the end;
//   - every change of a user's sockets goes to all its calls, and to those
//     that ended no longer ago than a resume window: whoever returns without
//     its session's past is told of the end again (C13).
//
// The switchboard (package signaling) calls it, stores (package presence and
// below) keep what it returns.
package call

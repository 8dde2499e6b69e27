import type { Call } from '@tandem-rtc/client'
import { expect, test } from 'vitest'
import { endWords, stateWords } from '../src/words'

const call = (fields: object) =>
  ({ peer: { id: 'bob', name: 'Bob' }, direction: 'outgoing', isVideo: true, state: 'connected', ...fields }) as unknown as Call

test.each([
  ['busy', 'outgoing', 'Bob is on another call'],
  ['no_answer', 'outgoing', 'Bob didn’t answer'],
  ['no_answer', 'incoming', 'Missed call from Bob'],
  ['rejected', 'outgoing', 'Bob declined the call'],
  ['cancelled', 'incoming', 'Missed call from Bob'],
  ['offline', 'outgoing', 'Bob isn’t online right now'],
  ['answered_elsewhere', 'incoming', 'Answered on another device'],
  ['forbidden', 'outgoing', 'You can’t call Bob'],
  ['a_new_reason', 'outgoing', 'Something went wrong with the call'],
])('%s, %s: %s', (endReason, direction, text) => {
  expect(endWords(call({ endReason, direction }), false)?.text).toBe(text)
})

test('nobody is told what they did themselves', () => {
  expect(endWords(call({ endReason: 'cancelled' }), true)).toBeUndefined()
  expect(endWords(call({ endReason: 'rejected', direction: 'incoming' }), true)).toBeUndefined()
})

test('only a missed call counts as missed', () => {
  expect(endWords(call({ endReason: 'cancelled', direction: 'incoming' }), false)?.missed).toBe(true)
  expect(endWords(call({ endReason: 'answered_elsewhere', direction: 'incoming' }), false)?.missed).toBe(false)
})

test('states: the server’s and the peer’s absence come first', () => {
  expect(stateWords(call({}))).toBe('Connected')
  expect(stateWords(call({ peerAway: true }))).toBe('Bob is reconnecting…')
  expect(stateWords(call({ peerAway: true }), true)).toBe('Reconnecting to the server…')
})

import { expect, test } from 'vitest'
import { fingerprintOf, hasCandidates, parseSignal, ufragOf, ufragsOf } from '../src/rtc/signals.js'

test.each([
  [{ type: 'offer', sdp: 'v=0' }, 'description'],
  ['{"type":"answer","sdp":"v=0"}', 'description'],
  [{ type: 'candidate', candidate: { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 } }, 'candidate'],
  [{ candidate: { candidate: 'candidate:1', sdpMLineIndex: 0 } }, 'candidate'],
  [{ candidate: 'candidate:1', sdpMid: '0' }, 'candidate'],
  [{ type: 'renegotiate', renegotiate: true }, 'renegotiate'],
  [{ type: 'transceiverRequest', transceiverRequest: { kind: 'video' } }, 'renegotiate'],
  [{ type: 'media', media: { audio: true } }, 'media'],
])('reads %j as %s', (raw, kind) => {
  expect(parseSignal(raw)?.kind).toBe(kind)
})

test.each([null, undefined, 7, '', '{', [], {}, { type: 'offer' }, { type: 'offer', sdp: 7 }, { candidate: 7 }, { type: 'media', media: 1 }])(
  'takes %j for nothing',
  (raw) => expect(parseSignal(raw)).toBeUndefined(),
)

test('a candidate without a place belongs to the first media section', () => {
  expect(parseSignal({ candidate: { candidate: 'candidate:1' } })).toEqual({
    kind: 'candidate',
    candidate: { candidate: 'candidate:1', sdpMLineIndex: 0 },
  })
})

test('reads what it needs of SDP and of candidates', () => {
  const sdp = 'a=ice-ufrag:aB+1\r\na=fingerprint:sha-256 ab:cd\r\na=ice-ufrag:aB+1\r\na=fingerprint:sha-256 AB:CD\r\na=candidate:1 1 udp\r\n'
  expect([...ufragsOf(sdp)]).toEqual(['aB+1'])
  expect(fingerprintOf(sdp)).toBe('SHA-256 AB:CD')
  expect(hasCandidates(sdp)).toBe(true)
  expect(hasCandidates('a=ice-ufrag:x')).toBe(false)
  expect(ufragOf({ candidate: 'candidate:1 1 udp 1 h 9 typ host ufrag Zz9 network-cost 5' })).toBe('Zz9')
})

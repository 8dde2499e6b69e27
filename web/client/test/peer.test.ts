import { beforeEach, expect, test, vi } from 'vitest'
import { Peer } from '../src/rtc/peer.js'
import type { Description } from '../src/rtc/signals.js'
import { settle } from './fakes.js'
import { FakePC, createConnection, fakeTrack } from './fakertc.js'

interface Side {
  peer: Peer
  out: Description[]
  candidates: RTCIceCandidateInit[][]
  pc(): FakePC
}

function side(polite: boolean): Side {
  const out: Description[] = []
  const candidates: RTCIceCandidateInit[][] = []
  const peer = new Peer({
    iceServers: [],
    polite,
    sendDescription: (d) => out.push(d),
    sendCandidates: (c) => candidates.push(c),
    createConnection,
  })
  return { peer, out, candidates, pc: () => peer.connection as unknown as FakePC }
}

/** Carries what was sent across until both are silent. */
async function carry(a: Side, b: Side): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await settle()
    const [fromA, fromB] = [a.out.splice(0), b.out.splice(0)]
    if (fromA.length + fromB.length === 0) return
    for (const d of fromA) void b.peer.onDescription(d)
    for (const d of fromB) void a.peer.onDescription(d)
  }
  throw new Error('they never stop negotiating')
}

async function connected(): Promise<{ caller: Side; callee: Side }> {
  const [caller, callee] = [side(false), side(true)]
  await caller.peer.setTrack('audio', fakeTrack('audio'))
  const offer = await caller.peer.firstOffer(['audio'], 0)
  caller.peer.release()
  await callee.peer.setTrack('audio', fakeTrack('audio'))
  const answer = await callee.peer.firstAnswer(offer)
  callee.peer.establish()
  await caller.peer.onDescription(answer)
  await carry(caller, callee)
  return { caller, callee }
}

beforeEach(() => {
  FakePC.all = []
})

test('the first offer opens a data channel and asks for what it does not send', async () => {
  const { peer, pc } = side(false)
  await peer.setTrack('audio', fakeTrack('audio'))
  const offer = await peer.firstOffer(['audio', 'video'], 0)
  expect(pc().channels).toEqual(['tandem'])
  expect(offer.sdp.match(/m=/g)).toHaveLength(2)
  expect(offer.tag).toMatch(/^[0-9a-f]{32}$/)
})

test('nothing is negotiated beside the first offer and answer', async () => {
  const { caller, callee } = await connected()
  expect(caller.pc().log).toEqual(['local offer', 'remote answer'])
  expect(callee.pc().log).toEqual(['remote offer', 'local answer'])
  expect(caller.pc().signalingState).toBe('stable')
})

test('a callee that adds a camera offers it only after its answer has gone out', async () => {
  const [caller, callee] = [side(false), side(true)]
  const offer = await caller.peer.firstOffer(['audio'], 0)
  await callee.peer.setTrack('video', fakeTrack('video'))
  const answer = await callee.peer.firstAnswer(offer)
  callee.pc().need()
  await settle()
  expect(callee.out).toEqual([])
  await caller.peer.onDescription(answer)
  callee.peer.establish()
  await settle()
  expect(callee.out.map((d) => d.type)).toEqual(['offer'])
  await carry(caller, callee)
  expect(callee.pc().signalingState).toBe('stable')
})

test('two offers that meet: the polite side rolls back, and both end stable', async () => {
  const { caller, callee } = await connected()
  caller.pc().need()
  callee.pc().need()
  await carry(caller, callee)
  expect(callee.pc().log).toContain('rollback')
  expect(caller.pc().log).not.toContain('rollback')
  expect(caller.pc().signalingState).toBe('stable')
  expect(callee.pc().signalingState).toBe('stable')
})

test('C3: a callee reaches the caller only once its answer is the one', async () => {
  const callee = side(true)
  const sdp = 'v=0\r\nm=audio 9 x\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\nm=video 9 x\r\na=candidate:2 1 udp\r\n'
  await callee.peer.firstAnswer({ type: 'offer', sdp })
  expect(callee.pc().remoteDescription?.sdp).toBe('v=0\r\nm=audio 9 x\r\nm=video 9 x\r\n')
  await callee.peer.onCandidate({ candidate: 'candidate:3', sdpMLineIndex: 0 })
  expect(callee.pc().candidates).toHaveLength(0)
  callee.peer.establish()
  await settle()
  expect(callee.pc().candidates).toEqual([
    { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host', sdpMLineIndex: 0 },
    { candidate: 'candidate:2 1 udp', sdpMLineIndex: 1 },
    { candidate: 'candidate:3', sdpMLineIndex: 0 },
  ])
})

test('C9: two pages that reloaded together: the polite one starts afresh, whoever missed an offer', async () => {
  for (const lost of [false, true]) {
    const [caller, callee] = [side(false), side(true)]
    for (const s of [caller, callee]) await s.peer.setTrack('audio', fakeTrack('audio'))
    await Promise.all([caller.peer.restart(['audio']), callee.peer.restart(['audio'])])
    const rolledBack = callee.pc()
    if (lost) caller.out.length = 0 // it went to the page that was there before
    await carry(caller, callee)
    expect(callee.pc()).not.toBe(rolledBack)
    expect(caller.pc().signalingState).toBe('stable')
    expect(callee.pc().signalingState).toBe('stable')
  }
})

test('an answer to an offer that was given up is ignored', async () => {
  const { caller } = await connected()
  caller.pc().need()
  await settle()
  const tag = caller.out.at(-1)!.tag!
  await caller.peer.onDescription({ type: 'answer', sdp: 'a=fingerprint:x', re: 'another' })
  expect(caller.pc().signalingState).toBe('have-local-offer')
  await caller.peer.onDescription({ type: 'answer', sdp: 'a=fingerprint:x', re: tag })
  expect(caller.pc().signalingState).toBe('stable')
})

test('C12: a repeated answer or offer changes nothing', async () => {
  const { caller, callee } = await connected()
  caller.pc().need()
  await settle()
  const offer = caller.out.splice(0)[0]!
  await callee.peer.onDescription(offer)
  await callee.peer.onDescription(offer)
  const answers = callee.out.splice(0)
  expect(answers).toHaveLength(2)
  for (const a of answers) await caller.peer.onDescription(a)
  expect(caller.pc().signalingState).toBe('stable')
})

test('C9: an offer with another certificate replaces the connection, with the same tracks', async () => {
  const { caller, callee } = await connected()
  const old = caller.pc()
  const streams: MediaStream[] = []
  caller.peer.on('remote', (s) => streams.push(s))
  callee.peer.close()
  const reloaded = side(true)
  await reloaded.peer.setTrack('audio', fakeTrack('audio'))
  await reloaded.peer.restart(['audio'])
  await carry(reloaded, caller)
  expect(old.closed).toBe(true)
  expect(caller.pc()).not.toBe(old)
  expect(caller.pc().getTransceivers()[0]!.sender.track).not.toBeNull()
  expect(reloaded.pc().signalingState).toBe('stable')
  expect(caller.pc().signalingState).toBe('stable')
  expect(streams.at(-1)).toBe(caller.peer.remoteStream)
})

test('C9: the impolite side too gives way to a reloaded page, even in the middle of its own offer', async () => {
  const { caller } = await connected()
  caller.pc().need()
  await settle()
  caller.out.splice(0) // lost with the page that reloads
  const reloaded = side(true)
  await reloaded.peer.restart(['audio'])
  await carry(reloaded, caller)
  expect(caller.pc().signalingState).toBe('stable')
  expect(reloaded.pc().signalingState).toBe('stable')
})

test('both pages reloaded at once find each other', async () => {
  const [a, b] = [side(false), side(true)]
  await Promise.all([a.peer.restart(['audio']), b.peer.restart(['audio'])])
  await carry(a, b)
  expect(a.pc().signalingState).toBe('stable')
  expect(b.pc().signalingState).toBe('stable')
})

test('a lost offer is said again, and a restart follows it', async () => {
  const { caller, callee } = await connected()
  caller.pc().need()
  await settle()
  caller.out.splice(0)
  caller.peer.restartIce()
  expect(caller.out.map((d) => d.type)).toEqual(['offer'])
  await carry(caller, callee)
  expect(caller.pc().restarts).toBe(1)
  expect(caller.pc().signalingState).toBe('stable')
})

test('a failed link restarts at once, a disconnected one when it does not heal', async () => {
  vi.useFakeTimers()
  try {
    const { caller } = await connected()
    caller.pc().become('failed')
    expect(caller.pc().restarts).toBe(1)
    caller.pc().become('disconnected')
    await vi.advanceTimersByTimeAsync(2999)
    caller.pc().become('connected')
    await vi.advanceTimersByTimeAsync(5000)
    expect(caller.pc().restarts).toBe(1)
    caller.pc().become('disconnected')
    await vi.advanceTimersByTimeAsync(3000)
    expect(caller.pc().restarts).toBe(2)
  } finally {
    vi.useRealTimers()
  }
})

test('candidates wait for the description they belong to', async () => {
  const { caller, callee } = await connected()
  callee.pc().restartIce()
  await settle()
  const offer = callee.out.splice(0)[0]!
  const ufrag = /ice-ufrag:(\S+)/.exec(offer.sdp)![1]!
  await caller.peer.onCandidate({ candidate: 'candidate:9', usernameFragment: ufrag })
  expect(caller.pc().candidates).toEqual([])
  await caller.peer.onDescription(offer)
  expect(caller.pc().candidates).toHaveLength(1)
})

test('candidates go out in batches, and not before the offer', async () => {
  vi.useFakeTimers()
  try {
    const { peer, pc, candidates } = side(false)
    await peer.firstOffer(['audio'], 0)
    pc().found('candidate:1')
    pc().found('candidate:2')
    await vi.advanceTimersByTimeAsync(500)
    expect(candidates).toEqual([])
    peer.release()
    await vi.advanceTimersByTimeAsync(50)
    expect(candidates.map((c) => c.length)).toEqual([2])
    for (let i = 0; i < 70; i++) pc().found(`candidate:${i}`)
    await vi.advanceTimersByTimeAsync(50)
    expect(candidates.map((c) => c.length)).toEqual([2, 64, 6])
  } finally {
    vi.useRealTimers()
  }
})

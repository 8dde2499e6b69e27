/**
 * What travels as `signal`. The server does not look inside; between two of
 * these clients it is a tagged session description, or news of what the other
 * party has muted. Older front ends send what simple-peer emits, and all
 * of its forms are read here:
 *
 *   {type:"offer"|"answer", sdp}                       a description
 *   {type:"candidate", candidate:{candidate,…}}        one candidate
 *   {candidate:{candidate,sdpMLineIndex,sdpMid}}       the same, older
 *   {type:"renegotiate", renegotiate:true}             please make an offer
 *   {type:"transceiverRequest", transceiverRequest:{kind}}  … with one more track
 */
export type ParsedSignal =
  | { kind: 'description'; description: Description }
  | { kind: 'candidate'; candidate: RTCIceCandidateInit }
  | { kind: 'renegotiate'; add?: 'audio' | 'video' }
  | { kind: 'media'; media: PeerMedia }

/**
 * A session description. `tag` names an offer and `re` is the tag that an
 * answer answers, so that an answer to an offer that was given up (rolled back,
 * or made by the page before its reload) is told apart. Both are optional.
 */
export interface Description {
  type: 'offer' | 'answer'
  sdp: string
  tag?: string
  re?: string
}

/** What the other party shows and says; sent between extended devices only. */
export interface PeerMedia {
  audio: boolean
  video: boolean
  screen: boolean
}

export function parseSignal(raw: unknown): ParsedSignal | undefined {
  const signal = object(typeof raw === 'string' ? tryJson(raw) : raw)
  if (!signal) return undefined
  const { type, sdp } = signal
  if ((type === 'offer' || type === 'answer') && typeof sdp === 'string') {
    const description: Description = { type, sdp }
    if (typeof signal['tag'] === 'string') description.tag = signal['tag']
    if (typeof signal['re'] === 'string') description.re = signal['re']
    return { kind: 'description', description }
  }
  const media = object(signal['media'])
  if (type === 'media' && media) {
    const { audio, video, screen } = media
    return { kind: 'media', media: { audio: audio === true, video: video === true, screen: screen === true } }
  }
  const request = object(signal['transceiverRequest'])
  if (request) {
    const kind = request['kind']
    return kind === 'audio' || kind === 'video' ? { kind: 'renegotiate', add: kind } : undefined
  }
  if (signal['renegotiate'] === true) return { kind: 'renegotiate' }
  const candidate = parseCandidate(signal)
  return candidate && { kind: 'candidate', candidate }
}

/** Reads a candidate, bare or wrapped as simple-peer does. */
export function parseCandidate(raw: unknown): RTCIceCandidateInit | undefined {
  const outer = object(raw)
  const inner = object(outer?.['candidate']) ?? outer
  if (!inner || typeof inner['candidate'] !== 'string') return undefined
  const { sdpMid, sdpMLineIndex, usernameFragment } = inner
  const init: RTCIceCandidateInit = { candidate: inner['candidate'] }
  if (typeof sdpMid === 'string') init.sdpMid = sdpMid
  if (typeof sdpMLineIndex === 'number') init.sdpMLineIndex = sdpMLineIndex
  if (typeof usernameFragment === 'string') init.usernameFragment = usernameFragment
  if (init.sdpMid === undefined && init.sdpMLineIndex === undefined) init.sdpMLineIndex = 0
  return init
}

/** The ICE username fragment that a candidate belongs to, if it says so. */
export function ufragOf(candidate: RTCIceCandidateInit): string | undefined {
  return candidate.usernameFragment ?? / ufrag (\S+)/.exec(candidate.candidate ?? '')?.[1]
}

/** All ICE username fragments of a description (RFC 8839 §5.4). */
export function ufragsOf(sdp: string): Set<string> {
  return new Set([...sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)].map((m) => m[1]!))
}

/** The certificate fingerprints of a description (RFC 8122 §5), in one string. */
export function fingerprintOf(sdp: string): string {
  const all = [...sdp.matchAll(/^a=fingerprint:(.+?)\s*$/gm)].map((m) => m[1]!.toUpperCase())
  return [...new Set(all)].sort().join()
}

/** A description without its candidates, and these by themselves. */
export function splitCandidates(sdp: string): { sdp: string; candidates: RTCIceCandidateInit[] } {
  const candidates: RTCIceCandidateInit[] = []
  let section = -1
  const rest = sdp.split(/(?<=\n)/).filter((line) => {
    if (line.startsWith('m=')) section++
    const candidate = /^a=(candidate:.*?)\r?\n?$/.exec(line)?.[1]
    if (candidate) candidates.push({ candidate, sdpMLineIndex: Math.max(section, 0) })
    return !candidate && !line.startsWith('a=end-of-candidates')
  })
  return { sdp: rest.join(''), candidates }
}

export function hasCandidates(sdp: string): boolean {
  return /^a=candidate:/m.test(sdp)
}

function object(raw: unknown): Record<string, unknown> | undefined {
  return typeof raw === 'object' && raw !== null ? (raw as Record<string, unknown>) : undefined
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

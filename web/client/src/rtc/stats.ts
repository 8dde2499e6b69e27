/** How good a call is, in a few numbers that a person or a test can use. */
export interface CallStats {
  quality: Quality
  /** Round trip of the media path, in milliseconds. */
  rttMs: number | undefined
  /** Share of packets lost on the way here since the last sample, 0 to 1. */
  lossIn: number | undefined
  /** The same towards the other party, as it reports it. */
  lossOut: number | undefined
  /** Bits per second since the last sample. */
  bitsIn: number
  bitsOut: number
  audioPacketsIn: number
  framesDecoded: number
  framesPerSecond: number | undefined
  width: number | undefined
  height: number | undefined
  /** `host`, `srflx`, `prflx` or `relay`. */
  path: string | undefined
}

export type Quality = 'good' | 'fair' | 'poor' | 'unknown'

type Row = Record<string, unknown> & { id: string; type: string; kind?: string }

/** Turns successive reports of one RTCPeerConnection into CallStats. */
export class StatsReader {
  #at = 0
  #bytesIn = 0
  #bytesOut = 0
  #lost = 0
  #received = 0

  read(report: Iterable<[string, unknown]>, now: number): CallStats {
    const rows = [...report].map(([, row]) => row as Row)
    const inbound = rows.filter((r) => r.type === 'inbound-rtp')
    const remoteIn = rows.filter((r) => r.type === 'remote-inbound-rtp')
    const pair = selectedPair(rows)
    const video = inbound.find((r) => r.kind === 'video')
    const audio = inbound.find((r) => r.kind === 'audio')

    const bytesIn = sum(inbound, 'bytesReceived')
    const bytesOut = sum(rows.filter((r) => r.type === 'outbound-rtp'), 'bytesSent')
    const lost = sum(inbound, 'packetsLost')
    const received = sum(inbound, 'packetsReceived')
    const seconds = this.#at > 0 ? (now - this.#at) / 1000 : 0
    const newPackets = received - this.#received + Math.max(0, lost - this.#lost)
    const lossIn = this.#at > 0 && newPackets > 0 ? Math.max(0, lost - this.#lost) / newPackets : undefined
    const rtt = number(pair?.['currentRoundTripTime']) ?? number(remoteIn[0]?.['roundTripTime'])
    const lossOut = max(remoteIn.map((r) => number(r['fractionLost'])))
    const rate = (to: number, from: number) => (seconds > 0 ? Math.max(0, ((to - from) * 8) / seconds) : 0)
    const local = rows.find((r) => r.id === pair?.['localCandidateId'])

    const stats: CallStats = {
      quality: 'unknown',
      rttMs: rtt === undefined ? undefined : Math.round(rtt * 1000),
      lossIn,
      lossOut,
      bitsIn: rate(bytesIn, this.#bytesIn),
      bitsOut: rate(bytesOut, this.#bytesOut),
      audioPacketsIn: number(audio?.['packetsReceived']) ?? 0,
      framesDecoded: number(video?.['framesDecoded']) ?? 0,
      framesPerSecond: number(video?.['framesPerSecond']),
      width: number(video?.['frameWidth']),
      height: number(video?.['frameHeight']),
      path: local?.['candidateType'] as string | undefined,
    }
    stats.quality = grade(stats)
    this.#at = now
    this.#bytesIn = bytesIn
    this.#bytesOut = bytesOut
    this.#lost = lost
    this.#received = received
    return stats
  }
}

/**
 * Good up to 200 ms and 2 % lost, fair up to 450 ms and 8 %: around there
 * ITU-T G.114 sees talk become awkward, and concealment become audible.
 */
function grade({ rttMs, lossIn, lossOut }: CallStats): Quality {
  if (rttMs === undefined && lossIn === undefined) return 'unknown'
  const loss = Math.max(lossIn ?? 0, lossOut ?? 0)
  const rtt = rttMs ?? 0
  if (loss > 0.08 || rtt > 450) return 'poor'
  if (loss > 0.02 || rtt > 200) return 'fair'
  return 'good'
}

function selectedPair(rows: Row[]): Row | undefined {
  const id = rows.find((r) => r.type === 'transport' && r['selectedCandidatePairId'])?.['selectedCandidatePairId']
  const pairs = rows.filter((r) => r.type === 'candidate-pair')
  return pairs.find((r) => r.id === id) ?? pairs.find((r) => r['nominated'] === true && r['state'] === 'succeeded')
}

function sum(rows: Row[], field: string): number {
  return rows.reduce((total, r) => total + (number(r[field]) ?? 0), 0)
}

function max(values: (number | undefined)[]): number | undefined {
  const known = values.filter((v) => v !== undefined)
  return known.length > 0 ? Math.max(...known) : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

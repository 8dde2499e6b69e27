import type { CallTiming } from './call-types.js'
import { Emitter } from './emitter.js'
import { TandemError } from './errors.js'
import type { Ringing } from './call-types.js'
import type { CallId } from './events.js'
import type { LocalMedia } from './rtc/local.js'
import { Peer } from './rtc/peer.js'
import { hasCandidates, parseCandidate, parseSignal, type Description, type PeerMedia } from './rtc/signals.js'

export interface LinkOptions {
  request(event: string, payload: unknown): Promise<unknown>
  iceServers(): Promise<RTCIceServer[]>
  callId(): CallId | undefined
  local: LocalMedia
  isVideo: boolean
  timing: CallTiming
  createConnection?: ((config: RTCConfiguration) => RTCPeerConnection) | undefined
}

interface Events {
  remote: [stream: MediaStream]
  connection: [state: RTCPeerConnectionState]
  /** What the other party has switched on. */
  media: []
}

/** Candidates kept while nothing can take them; more are dropped. */
const MAX_EARLY = 256

/**
 * A call's line to the other party's media: the peer, what came for it before
 * it was there, and what is known of the device at the other end.
 */
export class Link extends Emitter<Events> {
  /** Undefined until known; false for devices of the base profile. */
  extended: boolean | undefined
  peerMedia: PeerMedia | undefined
  readonly #opts: LinkOptions
  #peer: Peer | undefined
  #offer: Description | undefined
  #early: RTCIceCandidateInit[] = []
  /** Rises when the line is closed or begun anew. */
  #epoch = 0

  constructor(opts: LinkOptions) {
    super()
    this.#opts = opts
  }

  get peer(): Peer | undefined {
    return this.#peer
  }

  /** The offer that waits to be answered. */
  get offer(): Description | undefined {
    return this.#offer
  }

  learnExtended(extended: boolean): void {
    this.extended = extended
    this.#opts.local.keepCamera = !extended
  }

  /** Reads a call:incoming, the first or a repeated one, before it is answered. */
  learn(incoming: Ringing): void {
    if (incoming.peerExtended !== undefined) this.learnExtended(incoming.peerExtended)
    const signal = parseSignal(incoming.signal)
    if (signal?.kind === 'description' && signal.description.type === 'offer') this.#offer = signal.description
    else if (signal?.kind === 'candidate') this.onCandidate(signal.candidate)
  }

  /** Makes the peer with the tracks of this side; undefined if overtaken. */
  async open(polite: boolean): Promise<Peer | undefined> {
    const epoch = this.#epoch
    const iceServers = await this.#opts.iceServers()
    if (epoch !== this.#epoch) return undefined
    const { createConnection } = this.#opts
    const peer = new Peer({
      iceServers,
      polite,
      sendDescription: (signal) => this.#signal(signal),
      sendCandidates: (candidates) => this.#send('call:candidate', { candidates }),
      ...(createConnection ? { createConnection } : {}),
    })
    this.#peer = peer
    for (const [kind, track] of this.#opts.local.tracks()) await peer.setTrack(kind, track)
    peer.on('remote', (stream) => this.emit('remote', stream))
    peer.on('connection', (state) => this.emit('connection', state))
    return epoch === this.#epoch ? peer : undefined
  }

  firstOffer(peer: Peer): Promise<Description> {
    return peer.firstOffer(this.#kinds(), this.#opts.timing.offerGather)
  }

  /**
   * Answers the offer. Devices of the base profile get one complete answer:
   * a second signal would destroy theirs.
   */
  async firstAnswer(peer: Peer): Promise<Description> {
    const offer = this.#offer
    if (!offer) throw new TandemError('bad_payload', 'The call came without an offer.')
    for (const candidate of this.#early.splice(0)) void peer.onCandidate(candidate)
    const complete = this.extended === false || (this.extended === undefined && hasCandidates(offer.sdp))
    return peer.firstAnswer(offer, complete ? this.#opts.timing.answerGather : undefined)
  }

  /** Begins again with an offer of its own, in a call that is answered. */
  async restart(): Promise<void> {
    await this.#peer?.restart(this.#kinds())
  }

  onSignal(raw: unknown): void {
    const signal = parseSignal(raw)
    switch (signal?.kind) {
      case 'description':
        void this.#peer?.onDescription(signal.description).then(() => this.tellMedia())
        break
      case 'candidate':
        this.onCandidate(signal.candidate)
        break
      case 'renegotiate':
        if (signal.add) this.#peer?.addReceiver(signal.add)
        else this.#peer?.renegotiate()
        break
      case 'media':
        this.learnExtended(true)
        this.peerMedia = signal.media
        this.emit('media')
        break
    }
  }

  onCandidate(raw: unknown): void {
    const candidate = parseCandidate(raw)
    if (!candidate) return
    if (this.#peer) void this.#peer.onCandidate(candidate)
    else if (this.#early.length < MAX_EARLY) this.#early.push(candidate)
  }

  /** Says what is on, to a device that understands it. */
  tellMedia(): void {
    if (!this.extended || !this.#peer?.established) return
    const { audio, video, screen } = this.#opts.local
    this.#signal({ type: 'media', media: { audio, video: video || screen, screen } })
  }

  /** Closes the peer and forgets what came for it. */
  reset(): void {
    this.#epoch++
    this.#peer?.close()
    this.#peer = undefined
    this.#offer = undefined
    this.#early = []
  }

  #kinds(): ('audio' | 'video')[] {
    return this.#opts.isVideo ? ['audio', 'video'] : ['audio']
  }

  #signal(signal: unknown): void {
    this.#send('call:signal', { signal })
  }

  /** What is lost on the way is made good by the next recovery. */
  #send(event: string, payload: object): void {
    const callId = this.#opts.callId()
    if (callId) this.#opts.request(event, { callId, ...payload }).catch(() => {})
  }
}

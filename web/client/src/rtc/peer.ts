import { Emitter } from '../emitter.js'
import { randomId } from '../random.js'
import { CandidateBatch } from './batch.js'
import { gathered } from './gathering.js'
import { fingerprintOf, splitCandidates, ufragOf, ufragsOf, type Description } from './signals.js'

export interface PeerOptions {
  iceServers: RTCIceServer[]
  /** The polite side gives way when two offers meet: the callee. */
  polite: boolean
  /** Sends a description of a renegotiation. */
  sendDescription: (description: Description) => void
  sendCandidates: (candidates: RTCIceCandidateInit[]) => void
  createConnection?: (config: RTCConfiguration) => RTCPeerConnection
  /** Milliseconds for which a `disconnected` link may heal by itself. */
  healMs?: number
}

interface Events {
  /** A remote track came or went. */
  remote: [stream: MediaStream]
  /** The combined ICE and DTLS state of the current connection. */
  connection: [state: RTCPeerConnectionState]
}

/** Candidates that came before their description; more are dropped. */
const MAX_EARLY = 256

/**
 * One side of a peer-to-peer media link. It speaks perfect negotiation
 * (W3C webrtc-pc §10.7) with three additions: the very first offer and answer
 * are asked for by the caller of this class, because they travel in events of
 * their own; offers and answers are matched by tag; and an offer with another
 * certificate than the one known replaces the whole RTCPeerConnection, because
 * it comes from a page that was reloaded.
 */
export class Peer extends Emitter<Events> {
  readonly #opts: PeerOptions
  readonly #senders = new Map<'audio' | 'video', MediaStreamTrack | null>()
  readonly #batch: CandidateBatch
  readonly #localStream = new MediaStream()
  #pc: RTCPeerConnection
  #remote = new MediaStream()
  readonly #polite: boolean
  #iceServers: RTCIceServer[]
  /** Until the first offer has been answered, onnegotiationneeded is not obeyed. */
  #established = false
  #wanted = false
  #offerTag: string | undefined
  #early: RTCIceCandidateInit[] = []
  /**
   * Candidates of the caller while it is not known whether this device's answer
   * is the one: checks and a DTLS hello of a device that lost would be taken for
   * those of the winner, and the caller never connects.
   */
  #held: RTCIceCandidateInit[] | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #healTimer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(opts: PeerOptions) {
    super()
    this.#opts = opts
    this.#polite = opts.polite
    this.#iceServers = opts.iceServers
    this.#batch = new CandidateBatch(opts.sendCandidates)
    this.#pc = this.#create()
  }

  get connection(): RTCPeerConnection {
    return this.#pc
  }

  get remoteStream(): MediaStream {
    return this.#remote
  }

  get established(): boolean {
    return this.#established
  }

  /** Puts a track of this side on the line, in place of one of its kind. */
  async setTrack(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void> {
    this.#senders.set(kind, track)
    await this.#applyTrack(kind, track)
  }

  /** Makes the first offer, with the candidates that are found in time. */
  async firstOffer(kinds: readonly ('audio' | 'video')[], gatherMs: number): Promise<Description> {
    // An older front end's peer reports "connected" only over a data channel.
    this.#pc.createDataChannel('tandem')
    this.#wantKinds(kinds)
    this.#offerTag = randomId()
    await this.#serially(async () => this.#pc.setLocalDescription(await this.#pc.createOffer()))
    await gathered(this.#pc, gatherMs)
    this.#batch.clear()
    return { ...this.#local(), tag: this.#offerTag }
  }

  /** The first description has gone out: candidates may follow. */
  release(): void {
    this.#batch.release()
  }

  /** The first answer has gone out: either side may offer now. */
  establish(): void {
    this.#established = true
    this.#batch.release()
    const held = this.#held ?? []
    this.#held = undefined
    if (held.length > 0) {
      void this.#quietly(async () => {
        for (const candidate of held) await this.#takeCandidate(candidate)
      })
    }
    if (this.#wanted) this.renegotiate()
  }

  /**
   * Answers the first offer. With `gatherMs` the answer is complete and no
   * candidates follow; without, they trickle once `establish` is called. Until
   * then nothing is sent to the caller's device.
   */
  async firstAnswer(offer: Description, gatherMs?: number): Promise<Description> {
    await this.#serially(async () => {
      const { sdp, candidates } = splitCandidates(offer.sdp)
      await this.#pc.setRemoteDescription({ type: offer.type, sdp })
      this.#held = candidates
      await this.#drainEarly()
      this.#wanted = false
      await this.#pc.setLocalDescription(await this.#pc.createAnswer())
    })
    if (gatherMs !== undefined) {
      await gathered(this.#pc, gatherMs)
      this.#batch.clear()
    }
    return { ...this.#local(), ...(offer.tag ? { re: offer.tag } : {}) }
  }

  /** Starts over with an offer of its own inside a call that is known already. */
  async restart(kinds: readonly ('audio' | 'video')[]): Promise<void> {
    this.#established = true
    this.#wantKinds(kinds)
    this.#batch.release()
    await this.#serially(() => this.#offer())
  }

  /** Takes a description in; descriptions and candidates keep their order. */
  onDescription(description: Description): Promise<void> {
    return this.#quietly(() => this.#takeDescription(description))
  }

  onCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    return this.#quietly(() => this.#takeCandidate(candidate))
  }

  /** New ICE credentials and candidates, e.g. after the network changed. */
  restartIce(): void {
    if (this.#closed || !this.#established) return
    // With an offer on its way, the restart comes once that is answered.
    this.#pc.restartIce()
    this.resend()
  }

  /** Says a local offer again whose answer may have been lost. */
  resend(): void {
    if (this.#closed || !this.#established || this.#pc.signalingState !== 'have-local-offer') return
    this.#sendLocal(this.#offerTag ? { tag: this.#offerTag } : {})
  }

  /** Offers to receive one more kind, as an older front end may ask for. */
  addReceiver(kind: 'audio' | 'video'): void {
    if (!this.#closed) this.#pc.addTransceiver(kind, { direction: 'recvonly' })
  }

  renegotiate(): void {
    if (this.#established && !this.#closed) void this.#quietly(() => this.#offer())
  }

  setIceServers(iceServers: RTCIceServer[]): void {
    this.#iceServers = iceServers
    if (!this.#closed) this.#pc.setConfiguration(this.#config())
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#healTimer)
    this.#batch.hold()
    this.#batch.clear()
    this.#dispose(this.#pc)
  }

  #config(): RTCConfiguration {
    return { iceServers: this.#iceServers, bundlePolicy: 'max-bundle' }
  }

  #create(): RTCPeerConnection {
    const make = this.#opts.createConnection ?? ((config) => new RTCPeerConnection(config))
    const pc = make(this.#config())
    pc.onnegotiationneeded = () => {
      if (pc !== this.#pc) return
      if (this.#established) this.renegotiate()
      else this.#wanted = true
    }
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate && pc === this.#pc) this.#batch.add(candidate.toJSON())
    }
    pc.ontrack = ({ track }) => {
      if (pc !== this.#pc) return
      this.#remote.addTrack(track)
      const changed = () => pc === this.#pc && this.emit('remote', this.#remote)
      track.onended = changed
      track.onmute = changed
      track.onunmute = changed
      changed()
    }
    pc.onconnectionstatechange = () => {
      if (pc !== this.#pc || this.#closed) return
      this.#watchHealth(pc.connectionState)
      this.emit('connection', pc.connectionState)
    }
    return pc
  }

  /** A failed link is restarted at once, a disconnected one after a moment. */
  #watchHealth(state: RTCPeerConnectionState): void {
    clearTimeout(this.#healTimer)
    if (state === 'failed') this.restartIce()
    else if (state === 'disconnected') {
      this.#healTimer = setTimeout(() => this.restartIce(), this.#opts.healMs ?? 3000)
    }
  }

  async #offer(): Promise<void> {
    if (this.#closed || this.#pc.signalingState !== 'stable') return
    this.#wanted = false
    const pc = this.#pc
    const tag = (this.#offerTag = randomId())
    await pc.setLocalDescription()
    if (pc === this.#pc && !this.#closed) this.#sendLocal({ tag })
  }

  async #takeDescription(description: Description): Promise<void> {
    if (this.#closed) return
    if (description.type === 'answer') {
      if (this.#pc.signalingState !== 'have-local-offer') return
      if (description.re !== undefined && description.re !== this.#offerTag) return
      this.#wanted = false
      await this.#pc.setRemoteDescription(description)
      this.#established = true
      this.#batch.release()
      await this.#drainEarly()
      return
    }
    const known = this.#pc.remoteDescription?.sdp
    if (known && fingerprintOf(known) !== fingerprintOf(description.sdp)) await this.#replace()
    // Steps run one by one, so the signaling state alone tells of a collision.
    if (this.#pc.signalingState !== 'stable') {
      // The other side yields; if it reloaded meanwhile, it may not know to what.
      if (!this.#polite) return this.resend()
      this.#offerTag = undefined
      // Two pages that reloaded together. Rolling back the very first offer of a
      // connection leaves Chromium without candidates: a fresh one has none of it.
      if (!this.#pc.currentRemoteDescription) await this.#replace()
    }
    const pc = this.#pc
    await pc.setRemoteDescription(description)
    this.#established = true
    await this.#drainEarly()
    await pc.setLocalDescription()
    if (pc !== this.#pc || this.#closed) return
    this.#batch.release()
    this.#sendLocal(description.tag ? { re: description.tag } : {})
  }

  async #takeCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#closed) return
    const remote = this.#pc.remoteDescription?.sdp
    const ufrag = ufragOf(candidate)
    if (!remote || (ufrag !== undefined && !ufragsOf(remote).has(ufrag))) {
      if (this.#early.length < MAX_EARLY) this.#early.push(candidate)
      return
    }
    if (this.#held) {
      if (this.#held.length < MAX_EARLY) this.#held.push(candidate)
      return
    }
    await this.#addCandidate(candidate)
  }

  async #drainEarly(): Promise<void> {
    const early = this.#early
    this.#early = []
    for (const candidate of early) await this.#takeCandidate(candidate)
  }

  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.#pc.addIceCandidate(candidate)
    } catch {
      // Of an offer that was given up, or of an address family that this
      // browser lacks: the others do.
    }
  }

  /** A new RTCPeerConnection with the same tracks, for a peer that is new. */
  async #replace(): Promise<void> {
    const old = this.#pc
    this.#pc = this.#create()
    this.#dispose(old)
    this.#batch.clear()
    this.#remote = new MediaStream()
    this.#offerTag = undefined
    for (const [kind, track] of this.#senders) await this.#applyTrack(kind, track)
    this.emit('remote', this.#remote)
    this.emit('connection', 'connecting')
  }

  async #applyTrack(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void> {
    const sender = this.#sender(kind)
    if (!sender) {
      if (track) this.#pc.addTrack(track, this.#localStream)
      return
    }
    const transceiver = this.#pc.getTransceivers().find((t) => t.sender === sender)
    await sender.replaceTrack(track)
    if (track && transceiver && !sends(transceiver.direction)) {
      sender.setStreams?.(this.#localStream)
      transceiver.direction = 'sendrecv'
    }
  }

  /** The sender of a kind that is in use, or was made by the other's offer. */
  #sender(kind: 'audio' | 'video'): RTCRtpSender | undefined {
    const usable = this.#pc
      .getTransceivers()
      .filter((t) => t.direction !== 'stopped' && t.receiver.track.kind === kind)
    return (usable.find((t) => sends(t.direction)) ?? usable[0])?.sender
  }

  /** Makes sure that these kinds are received even where none is sent. */
  #wantKinds(kinds: readonly ('audio' | 'video')[]): void {
    for (const kind of kinds) {
      if (!this.#sender(kind)) this.#pc.addTransceiver(kind, { direction: 'recvonly' })
    }
  }

  #local(): Description {
    const { type, sdp } = this.#pc.localDescription!
    return { type: type as 'offer' | 'answer', sdp }
  }

  #sendLocal(tags: { tag?: string; re?: string }): void {
    this.#opts.sendDescription({ ...this.#local(), ...tags })
  }

  /** Steps of negotiation run one after the other. */
  #serially(step: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(step)
    this.#queue = done.catch(() => {})
    return done
  }

  /** What the other side sent may be nonsense; that ends no call. */
  #quietly(step: () => Promise<void>): Promise<void> {
    return this.#serially(step).catch((err: unknown) => {
      if (!this.#closed) console.warn('tandem: a step of negotiation failed', err)
    })
  }

  #dispose(pc: RTCPeerConnection): void {
    pc.onnegotiationneeded = pc.onicecandidate = pc.ontrack = pc.onconnectionstatechange = null
    pc.close()
  }
}

function sends(direction: RTCRtpTransceiverDirection): boolean {
  return direction === 'sendrecv' || direction === 'sendonly'
}

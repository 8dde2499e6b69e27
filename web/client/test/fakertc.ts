/**
 * Enough of WebRTC to follow negotiation: signaling states with rollback
 * (webrtc-pc §4.3), negotiationneeded, and SDP that carries only what this
 * client reads in it.
 */
let serial = 0

export class FakeTrack {
  readonly id = `track${++serial}`
  enabled = true
  muted = false
  readyState = 'live'
  contentHint = ''
  onended: (() => void) | null = null
  onmute: (() => void) | null = null
  onunmute: (() => void) | null = null
  constructor(readonly kind: 'audio' | 'video') {}
  stop(): void {
    this.readyState = 'ended'
  }
  getSettings(): object {
    return {}
  }
}

export class FakeStream {
  #tracks: FakeTrack[] = []
  getTracks = () => [...this.#tracks]
  getVideoTracks = () => this.#tracks.filter((t) => t.kind === 'video')
  getAudioTracks = () => this.#tracks.filter((t) => t.kind === 'audio')
  addTrack(t: FakeTrack): void {
    if (!this.#tracks.includes(t)) this.#tracks.push(t)
  }
  removeTrack(t: FakeTrack): void {
    this.#tracks = this.#tracks.filter((x) => x !== t)
  }
}

interface FakeSender {
  track: FakeTrack | null
  replaceTrack(t: FakeTrack | null): Promise<void>
}

interface FakeTransceiver {
  direction: string
  sender: FakeSender
  receiver: { track: FakeTrack }
}

type Desc = { type: string; sdp: string }

export class FakePC extends EventTarget {
  static all: FakePC[] = []
  static get last(): FakePC {
    return FakePC.all.at(-1)!
  }

  readonly fingerprint = `FP:${++serial}`
  signalingState = 'stable'
  connectionState = 'new'
  iceGatheringState = 'complete'
  localDescription: Desc | null = null
  remoteDescription: Desc | null = null
  currentRemoteDescription: Desc | null = null
  onnegotiationneeded: (() => void) | null = null
  onicecandidate: ((e: { candidate: unknown }) => void) | null = null
  ontrack: ((e: { track: FakeTrack }) => void) | null = null
  onconnectionstatechange: (() => void) | null = null
  closed = false
  restarts = 0
  readonly candidates: any[] = []
  readonly channels: string[] = []
  readonly log: string[] = []
  #transceivers: FakeTransceiver[] = []
  #needed = false
  #ufrag = `u${++serial}`
  #stableRemote: Desc | null = null

  constructor(readonly config: RTCConfiguration) {
    super()
    FakePC.all.push(this)
  }

  createDataChannel(label: string): object {
    this.channels.push(label)
    return {}
  }

  addTrack(track: FakeTrack): FakeSender {
    return this.#add(track.kind, track, 'sendrecv').sender
  }

  addTransceiver(kind: 'audio' | 'video', init: { direction: string }): FakeTransceiver {
    return this.#add(kind, null, init.direction)
  }

  getTransceivers(): FakeTransceiver[] {
    return this.#transceivers
  }

  restartIce(): void {
    this.restarts++
    this.#ufrag = `u${++serial}`
    this.need()
  }

  setConfiguration(): void {}
  getStats = async () => new Map()

  async createOffer(): Promise<Desc> {
    return this.#describe('offer')
  }

  async createAnswer(): Promise<Desc> {
    return this.#describe('answer')
  }

  async setLocalDescription(d?: Desc): Promise<void> {
    await Promise.resolve()
    if (this.closed) throw new DOMException('closed', 'InvalidStateError')
    d ??= this.#describe(this.signalingState === 'have-remote-offer' ? 'answer' : 'offer')
    this.log.push(`local ${d.type}`)
    this.localDescription = d
    this.#needed = false
    this.#set(d.type === 'offer' ? 'have-local-offer' : 'stable')
  }

  async setRemoteDescription(d: Desc): Promise<void> {
    await Promise.resolve()
    if (this.closed) throw new DOMException('closed', 'InvalidStateError')
    if (d.type === 'answer' && this.signalingState !== 'have-local-offer') {
      throw new DOMException(this.signalingState, 'InvalidStateError')
    }
    if (d.type === 'offer' && this.signalingState === 'have-local-offer') {
      this.log.push('rollback')
      this.#needed = true
    }
    this.log.push(`remote ${d.type}`)
    this.remoteDescription = { type: d.type, sdp: d.sdp }
    // Near enough: the real one waits for the answer to an offer.
    this.currentRemoteDescription = this.remoteDescription
    if (d.type === 'offer') this.#mirror(d.sdp)
    this.#set(d.type === 'offer' ? 'have-remote-offer' : 'stable')
  }

  async addIceCandidate(c: unknown): Promise<void> {
    if (!this.remoteDescription) throw new DOMException('no remote', 'InvalidStateError')
    this.candidates.push(c)
  }

  close(): void {
    this.closed = true
    this.connectionState = 'closed'
  }

  become(state: string): void {
    this.connectionState = state
    this.onconnectionstatechange?.()
  }

  found(candidate: string): void {
    const init = { candidate, sdpMid: '0', usernameFragment: this.#ufrag }
    this.onicecandidate?.({ candidate: { candidate, toJSON: () => init } })
  }

  need(): void {
    this.#needed = true
    if (this.signalingState === 'stable') queueMicrotask(() => this.#fire())
  }

  #fire(): void {
    if (this.#needed && this.signalingState === 'stable' && !this.closed) this.onnegotiationneeded?.()
  }

  #set(state: string): void {
    this.signalingState = state
    if (state === 'stable') {
      this.#stableRemote = this.remoteDescription
      queueMicrotask(() => this.#fire())
    }
  }

  #add(kind: 'audio' | 'video', track: FakeTrack | null, direction: string): FakeTransceiver {
    const sender: FakeSender = {
      track,
      replaceTrack: async (t) => {
        sender.track = t
      },
    }
    const transceiver = { direction, sender, receiver: { track: new FakeTrack(kind) } }
    this.#transceivers.push(transceiver)
    this.need()
    return transceiver
  }

  /** An offer makes the transceivers that it asks for and that are not there. */
  #mirror(sdp: string): void {
    for (const [, kind] of sdp.matchAll(/^m=(audio|video)/gm)) {
      if (this.#transceivers.some((t) => t.receiver.track.kind === kind)) continue
      const receiver = { track: new FakeTrack(kind as 'audio' | 'video') }
      const sender: FakeSender = { track: null, replaceTrack: async (t) => void (sender.track = t) }
      this.#transceivers.push({ direction: 'recvonly', sender, receiver })
    }
  }

  #describe(type: string): Desc {
    const media = this.#transceivers.map((t) => `m=${t.receiver.track.kind} 9\r\n`).join('')
    const sdp = `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n${media}a=ice-ufrag:${this.#ufrag}\r\na=fingerprint:sha-256 ${this.fingerprint}\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n`
    return { type, sdp }
  }

  get stableRemote(): Desc | null {
    return this.#stableRemote
  }
}

export const createConnection = (config: RTCConfiguration) => new FakePC(config) as unknown as RTCPeerConnection
export const fakeTrack = (kind: 'audio' | 'video') => new FakeTrack(kind) as unknown as MediaStreamTrack

export const fakeMedia = {
  microphone: async () => fakeTrack('audio'),
  camera: async () => fakeTrack('video'),
  both: async () => [fakeTrack('audio'), fakeTrack('video')],
  screen: async () => fakeTrack('video'),
}

Object.assign(globalThis, { MediaStream: FakeStream })

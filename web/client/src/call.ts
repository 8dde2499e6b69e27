import type { CallContext, CallEvents, CallState, Party, Ringing } from './call-types.js'
import { Emitter } from './emitter.js'
import { TandemError } from './errors.js'
import { millis, type AcceptedBy, type CallId, type EndReason, type IncomingCall, type ResumedCall } from './events.js'
import { Link } from './link.js'
import { LocalMedia } from './rtc/local.js'
import { MediaMonitor } from './rtc/monitor.js'
import type { PeerMedia } from './rtc/signals.js'
import { StatsReader, type CallStats } from './rtc/stats.js'

/** A goodbye may wait for the network this long, in milliseconds. */
const END_TIMEOUT_MS = 30_000

/** How long a call that lost to its callee's waits for that one. */
const GLARE_MS = 5000

/** One call, from dialing or ringing to its end. */
export class Call extends Emitter<CallEvents> {
  readonly direction: 'outgoing' | 'incoming'
  readonly peer: Party
  readonly isVideo: boolean
  /** Own microphone, camera and screen: mute, switch, choose. */
  readonly local: LocalMedia
  /** When it stops ringing, in milliseconds since the epoch. */
  expiresAt: number | undefined
  /** The callee is in another call (call waiting). */
  waiting = false
  /** When media first flowed, in milliseconds since the epoch. */
  connectedAt: number | undefined
  endReason: EndReason | undefined
  /** A sentence of the server about the end, if it gave one. */
  endMessage: string | undefined
  /** The other party's device has lost its connection to the server. */
  peerAway = false
  stats: CallStats | undefined

  readonly #ctx: CallContext<Call>
  readonly #link: Link
  readonly #monitor: MediaMonitor
  #id: CallId | undefined
  #state: CallState
  /** Rises when a prepared step is overtaken (glare, end). */
  #epoch = 0
  /** The offer that rings at the callee died with the page that made it. */
  #offerGone = false
  #glareTimer: ReturnType<typeof setTimeout> | undefined

  private constructor(
    ctx: CallContext<Call>,
    direction: 'outgoing' | 'incoming',
    state: CallState,
    peer: Party,
    isVideo: boolean,
    id?: CallId,
  ) {
    super()
    this.#ctx = ctx
    this.direction = direction
    this.#state = state
    this.peer = peer
    this.isVideo = isVideo
    this.#id = id
    this.local = new LocalMedia(ctx.media, ctx.choice, async (kind, track) => this.#link.peer?.setTrack(kind, track))
    this.#link = new Link({ ...ctx, callId: () => this.#id, local: this.local, isVideo })
    this.#monitor = new MediaMonitor(ctx.timing, () => this.connection)
    this.#wire()
  }

  /** Starts a call; it goes on by itself and reports through its state. */
  static dial(ctx: CallContext<Call>, to: Party, isVideo: boolean, key: string): Call {
    const call = new Call(ctx, 'outgoing', 'starting', to, isVideo)
    void call.#dial(key)
    return call
  }

  static incoming(ctx: CallContext<Call>, incoming: IncomingCall): Call {
    const { fromId, callerName, from, isVideoCall, callId } = incoming
    const peer = { id: fromId, name: callerName || fromId, profile: from ?? null }
    const call = new Call(ctx, 'incoming', 'incoming', peer, isVideoCall === true, callId)
    call.waiting = incoming.waiting === true
    call.#learn(incoming)
    return call
  }

  /** Takes a call again that this device was in before the page was reloaded. */
  static resumed(ctx: CallContext<Call>, r: ResumedCall, switches: { audio: boolean; video: boolean }): Call {
    const { id, name, profile, away } = r.peer
    const peer = { id, name: name || id, profile: profile ?? null }
    const ringing = r.state === 'ringing'
    const direction = r.role === 'caller' ? 'outgoing' : 'incoming'
    const call = new Call(ctx, direction, ringing ? 'ringing' : 'connecting', peer, r.isVideoCall, r.callId)
    if (r.peerExtended !== undefined && !ringing) call.#link.learnExtended(r.peerExtended)
    call.peerAway = away === true
    call.#offerGone = ringing
    void call.#rejoin(switches)
    return call
  }

  /** The server's id; undefined until an outgoing call has been taken by it. */
  get id(): CallId | undefined {
    return this.#id
  }

  get state(): CallState {
    return this.#state
  }

  get localStream(): MediaStream {
    return this.local.stream
  }

  get remoteStream(): MediaStream | undefined {
    return this.#link.peer?.remoteStream
  }

  /** What the other party has switched on; undefined if its device can not tell. */
  get peerMedia(): PeerMedia | undefined {
    return this.#link.peerMedia
  }

  /** The current RTCPeerConnection; another one after a reload of either page. */
  get connection(): RTCPeerConnection | undefined {
    return this.#link.peer?.connection
  }

  /**
   * Answers an incoming call. If the microphone can not be had, the call goes on
   * ringing and the error is thrown.
   */
  async answer({ video = this.isVideo }: { video?: boolean } = {}): Promise<void> {
    if (this.#state !== 'incoming') return
    const epoch = ++this.#epoch
    this.#setState('connecting')
    try {
      await this.local.start({ audio: true, video })
    } catch (err) {
      if (epoch === this.#epoch) this.#setState('incoming')
      throw err
    }
    if (epoch === this.#epoch) await this.#answerOffer(epoch)
  }

  /** Declines an incoming call, on all devices of this user. */
  decline(): void {
    if (this.#state !== 'incoming') return
    this.#tell('call:rejected')
    this.finish('rejected')
  }

  /** Cancels an outgoing call, declines an incoming one, or hangs up. */
  hangup(): void {
    if (this.#over) return
    if (this.#state === 'incoming') return this.decline()
    const answered = this.connectedAt !== undefined || this.#state === 'connecting'
    this.#tell('call:end')
    this.finish(answered ? 'hangup' : 'cancelled')
  }

  async shareScreen(): Promise<void> {
    await this.local.shareScreen()
  }

  /** A fresh report of the media path; rates and losses need two (see `stats`). */
  async sample(): Promise<CallStats | undefined> {
    const pc = this.connection
    return pc && new StatsReader().read(await pc.getStats(), performance.now())
  }

  /** Takes an event of the server that names this call. */
  handle(event: string, arg: unknown, second?: unknown): void {
    if (this.#over) return
    const data = (typeof arg === 'object' && arg !== null ? arg : {}) as Record<string, unknown>
    const reason = typeof data['reason'] === 'string' ? data['reason'] : undefined
    switch (event) {
      case 'call:ringing':
        if (this.#state === 'calling') this.#setState('ringing')
        break
      case 'call:accepted':
        this.#onAccepted(arg, second as AcceptedBy | undefined)
        break
      case 'call:incoming':
        if (this.unanswered) void this.adopt(arg as IncomingCall)
        else if (this.#state === 'incoming') this.#learn(arg as IncomingCall)
        else this.#link.onSignal(data['signal'])
        break
      case 'call:signal':
        this.#link.onSignal(data['signal'])
        break
      case 'call:candidate':
        for (const raw of Array.isArray(data['candidates']) ? data['candidates'] : []) this.#link.onCandidate(raw)
        break
      case 'call:peer':
        this.peerAway = data['state'] === 'reconnecting'
        if (!this.peerAway && this.#mediaAway) this.#monitor.away({ again: true })
        this.emit('peer')
        break
      case 'call:state':
        if (data['state'] === 'ended') this.#onEnd(reason ?? 'hangup')
        break
      case 'call:unavailable':
        this.finish(typeof data['code'] === 'string' ? data['code'] : 'error', reason)
        break
      case 'call:rejected':
        this.finish(reason ?? 'rejected')
        break
      case 'call:end':
        this.#onEnd(reason ?? 'hangup')
        break
    }
  }

  /** Outgoing, and nobody has answered yet. */
  get unanswered(): boolean {
    return this.#state === 'starting' || this.#state === 'calling' || this.#state === 'ringing'
  }

  /**
   * This device was calling the one who now calls it, and that call won (C8):
   * answers it without asking, with the media that is already on.
   */
  async adopt(winner: Ringing): Promise<void> {
    if (!this.unanswered) return
    const epoch = ++this.#epoch
    this.#link.reset()
    this.#id = winner.callId
    this.#learn(winner)
    this.#ctx.identified(this)
    this.#setState('connecting')
    try {
      if (this.local.tracks().length === 0) await this.local.start({ audio: true, video: this.isVideo })
    } catch (err) {
      if (epoch === this.#epoch) this.#failMedia(err)
      return
    }
    if (epoch === this.#epoch) await this.#answerOffer(epoch)
  }

  /** Still ringing here, as the server told it: for a call that lost to this one. */
  get asIncoming(): Ringing | undefined {
    const { offer, extended } = this.#link
    if (this.#state !== 'incoming' || !offer || !this.#id) return undefined
    const { id: fromId, name: callerName, profile: from } = this.peer
    const call = { callId: this.#id, from, fromId, callerName, isVideoCall: this.isVideo, signal: offer }
    return extended === undefined ? call : { ...call, peerExtended: extended }
  }

  /** Signaling is back, or the network is another one: look after the media. */
  recover(networkChanged: boolean): void {
    if (this.#over) return
    if (networkChanged || this.#state === 'reconnecting') this.#link.peer?.restartIce()
    else this.#link.peer?.resend()
  }

  setIceServers(servers: RTCIceServer[]): void {
    this.#link.peer?.setIceServers(servers)
  }

  /** Ends it here; nothing is said to the server. */
  finish(reason: EndReason, message?: string): void {
    if (this.#over) return
    this.#epoch++
    clearTimeout(this.#glareTimer)
    this.endReason = reason
    this.endMessage = message
    this.#monitor.stop()
    this.local.stop()
    this.#link.reset()
    this.#setState('ended')
    this.emit('ended', reason, message)
  }

  #wire(): void {
    this.local.on('change', () => {
      this.emit('local')
      this.#link.tellMedia()
    })
    this.#link.on('remote', (stream) => this.emit('remote', stream))
    this.#link.on('media', () => this.emit('peer'))
    this.#link.on('connection', (state) => this.#onConnection(state))
    this.#monitor.on('stats', (stats) => {
      this.stats = stats
      this.emit('stats', stats)
    })
    this.#monitor.on('lost', () => {
      this.#tell('call:end')
      this.finish('lost')
    })
  }

  async #dial(key: string): Promise<void> {
    const epoch = this.#epoch
    const overtaken = () => epoch !== this.#epoch
    try {
      await this.local.start({ audio: true, video: this.isVideo })
    } catch (err) {
      if (!overtaken()) this.#failMedia(err)
      return
    }
    try {
      const peer = overtaken() ? undefined : await this.#link.open(false)
      const signal = peer && (await this.#link.firstOffer(peer))
      if (!signal || overtaken()) return
      this.#setState('calling')
      const { name, profile, id } = this.#ctx.me()
      const ack = await this.#ctx.request('call:user', {
        to: this.peer.id,
        signal,
        from: profile,
        fromId: id,
        callerName: name,
        isVideoCall: this.isVideo,
        callId: key,
      })
      this.#onDialed((ack ?? {}) as { callId?: CallId; state?: string }, overtaken())
    } catch (err) {
      if (!overtaken()) this.#failDial(TandemError.from(err))
    }
  }

  #onDialed({ callId, state }: { callId?: CallId; state?: string }, overtaken: boolean): void {
    if (!callId) {
      if (!overtaken) this.finish('error')
      return
    }
    if (this.#over && this.#id === undefined) {
      // Cancelled before the server had said which call it is.
      this.#id = callId
      this.#tell('call:end')
    }
    if (overtaken || (state === 'glare' && this.#ctx.lostTo(this, callId))) return
    this.#id = callId
    this.#ctx.identified(this)
    if (state !== 'glare') this.#link.peer?.release()
  }

  #failDial({ code, message }: TandemError): void {
    const unknown = code === 'timeout' || code === 'closed'
    if (unknown) {
      // It may ring there all the same: without an id this ends the device's one call.
      this.#ctx.request('call:end', { to: this.peer.id }, END_TIMEOUT_MS).catch(() => {})
    }
    this.finish(unknown ? 'unavailable' : code, unknown ? undefined : message)
  }

  #onAccepted(signal: unknown, by: AcceptedBy | undefined): void {
    if (by?.extended !== undefined) this.#link.learnExtended(by.extended)
    if (this.unanswered) this.#setState('connecting')
    if (this.#mediaAway) this.#monitor.away({ again: false })
    if (this.#offerGone) {
      this.#offerGone = false
      void this.#link.restart()
    } else this.#link.onSignal(signal)
  }

  /** Lost to the other's call (C8): that one is on its way, and is answered. */
  #onEnd(reason: EndReason): void {
    if (reason !== 'glare' || !this.unanswered) return this.finish(reason)
    this.#glareTimer ??= setTimeout(() => this.unanswered && this.finish('glare'), GLARE_MS)
  }

  async #answerOffer(epoch: number): Promise<void> {
    try {
      this.#monitor.away({ again: true })
      const peer = await this.#link.open(true)
      const signal = peer && (await this.#link.firstAnswer(peer))
      if (!signal || epoch !== this.#epoch) return
      await this.#ctx.request('call:answer', { to: this.peer.id, callId: this.#id, signal })
      if (epoch !== this.#epoch) return
      peer.establish()
      this.#link.tellMedia()
    } catch (err) {
      if (epoch !== this.#epoch) return
      const { code } = TandemError.from(err)
      if (code === 'already_answered') return this.finish('answered_elsewhere')
      if (code === 'call_ended' || code === 'not_in_call' || code === 'not_found') return this.finish('cancelled')
      this.#tell('call:end')
      this.finish('error')
    }
  }

  async #rejoin(switches: { audio: boolean; video: boolean }): Promise<void> {
    const epoch = this.#epoch
    try {
      await this.local.start(switches)
      if (epoch !== this.#epoch) return
      await this.#link.open(this.direction === 'incoming')
      if (epoch !== this.#epoch || this.#offerGone) return
      this.#monitor.away({ again: false })
      await this.#link.restart()
    } catch (err) {
      if (epoch === this.#epoch) this.#failMedia(err)
    }
  }

  #onConnection(state: RTCPeerConnectionState): void {
    if (this.#over) return
    if (state === 'connected') {
      this.connectedAt ??= Date.now()
      this.#setState('connected')
      this.#monitor.flows()
    } else if (state !== 'closed' && state !== 'new') {
      if (this.connectedAt !== undefined) this.#setState('reconnecting')
      if (this.#mediaAway) this.#monitor.away({ again: false })
    }
  }

  #learn(incoming: Ringing): void {
    this.expiresAt = millis(incoming.expiresAt) ?? this.expiresAt
    this.#link.learn(incoming)
  }

  #failMedia(err: unknown): void {
    this.#tell('call:end')
    this.finish('media', err instanceof TandemError ? err.message : undefined)
  }

  #tell(event: 'call:end' | 'call:rejected'): void {
    if (!this.#id) return
    this.#ctx.request(event, { to: this.peer.id, callId: this.#id }, END_TIMEOUT_MS).catch(() => {})
  }

  get #mediaAway(): boolean {
    return this.#state === 'connecting' || this.#state === 'reconnecting'
  }

  get #over(): boolean {
    return this.#state === 'ended'
  }

  #setState(state: CallState): void {
    if (this.#state === state) return
    this.#state = state
    this.emit('state', state)
  }
}

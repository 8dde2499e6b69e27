import { Call } from './call.js'
import type { CallContext } from './call-types.js'
import { Emitter } from './emitter.js'
import { TandemError } from './errors.js'
import type { CallId, Hello, IncomingCall, Profile, Resumed, UserId } from './events.js'
import { randomId } from './random.js'
import type { LiveCallMemory } from './memory.js'

interface Events {
  /** Rings here; answer or decline it. */
  incoming: [call: Call]
  /** A call that this page was in before it was reloaded goes on. */
  restored: [call: Call]
  /** A call began, or ended: `live` is another list. */
  change: []
}

/** Events for calls that are not known yet (their ack is on its way). */
const MAX_ORPHANS = 64

interface Orphan {
  callId: CallId
  event: string
  args: unknown[]
}

/**
 * The calls of this page: makes them, hands the server's events to the one
 * that they name, and takes them again after a lost session or a reload.
 */
export class Calls extends Emitter<Events> {
  readonly #ctx: CallContext<Call>
  readonly #memory: LiveCallMemory
  readonly #live = new Set<Call>()
  #orphans: Orphan[] = []
  #ended: CallId[] = []
  #restoring: Promise<void> | undefined

  constructor(ctx: Omit<CallContext<Call>, 'identified' | 'lostTo'>, memory: LiveCallMemory) {
    super()
    this.#memory = memory
    this.#ctx = {
      ...ctx,
      identified: (call) => this.#identified(call),
      lostTo: (call, winner) => this.#lostTo(call, winner),
    }
  }

  /** Calls that have not ended, oldest first. */
  get live(): readonly Call[] {
    return [...this.#live]
  }

  /** The call that the user is in or is making; not one that merely rings here. */
  get active(): Call | undefined {
    return this.live.find((c) => c.state !== 'incoming')
  }

  dial(to: { id: UserId; name?: string; profile?: Profile }, { video }: { video: boolean }): Call {
    const peer = { id: to.id, name: to.name ?? to.id, profile: to.profile ?? null }
    return this.#track(Call.dial(this.#ctx, peer, video, randomId()))
  }

  /** Takes an event of the server; false if it is none of a call. */
  onEvent(event: string, args: unknown[]): boolean {
    if (!event.startsWith('call:')) return false
    const data = (event === 'call:accepted' ? args[1] : args[0]) as { callId?: unknown } | undefined
    const callId = typeof data?.callId === 'string' ? data.callId : undefined
    const call = this.#find(callId, event)
    if (call) call.handle(event, args[0], args[1])
    else if (event === 'call:incoming') this.#onIncoming(args[0] as IncomingCall)
    else if (callId && this.live.some((c) => c.id === undefined)) this.#keep({ callId, event, args })
    return true
  }

  /** A session has begun: the same one again, or a new one. */
  onHello(hello: Hello): void {
    if (!hello.resumed) {
      for (const call of this.#live) if (call.id) void this.#resume(call, call.id)
      this.#restoring ??= this.#restore()
    }
    for (const call of this.#live) call.recover(false)
  }

  onNetworkChange(): void {
    for (const call of this.#live) call.recover(true)
  }

  setIceServers(servers: RTCIceServer[]): void {
    for (const call of this.#live) call.setIceServers(servers)
  }

  /** The client is closed: nothing can be signaled any more. */
  endAll(): void {
    for (const call of this.live) call.finish('lost')
  }

  #onIncoming(incoming: IncomingCall | undefined): void {
    if (typeof incoming?.callId !== 'string' || typeof incoming.fromId !== 'string') return
    if (this.#ended.includes(incoming.callId)) return
    if (incoming.glare) {
      const mine = this.live.find((c) => c.peer.id === incoming.fromId && c.unanswered)
      if (mine) return void mine.adopt(incoming)
    }
    this.emit('incoming', this.#track(Call.incoming(this.#ctx, incoming)))
  }

  /** The ack named the winner: adopt it if it rings here already. */
  #lostTo(call: Call, winner: CallId): boolean {
    const ringing = this.live.find((c) => c !== call && c.id === winner)
    const offer = ringing?.asIncoming
    if (!ringing || !offer) return false
    ringing.finish('glare')
    void call.adopt(offer)
    return true
  }

  #find(callId: CallId | undefined, event: string): Call | undefined {
    const byId = callId && this.live.find((c) => c.id === callId)
    if (byId || event === 'call:incoming') return byId || undefined
    // A refusal may be faster than the ack that would have told the id.
    if (event === 'call:unavailable') return this.live.find((c) => c.id === undefined && c.unanswered)
    return callId === undefined && this.#live.size === 1 ? this.live[0] : undefined
  }

  #identified(call: Call): void {
    this.#remember(call)
    const mine = this.#orphans.filter((o) => o.callId === call.id)
    this.#orphans = this.#orphans.filter((o) => o.callId !== call.id)
    for (const { event, args } of mine) call.handle(event, args[0], args[1])
  }

  #keep(orphan: Orphan): void {
    this.#orphans.push(orphan)
    if (this.#orphans.length > MAX_ORPHANS) this.#orphans.shift()
  }

  #track(call: Call): Call {
    this.#live.add(call)
    call.on('state', () => this.#remember(call))
    call.on('local', () => this.#remember(call))
    call.on('ended', () => this.#forget(call))
    // It may have failed before anyone could listen.
    if (call.state === 'ended') this.#live.delete(call)
    this.emit('change')
    return call
  }

  #forget(call: Call): void {
    this.#live.delete(call)
    if (call.id) this.#ended = [...this.#ended.slice(-15), call.id]
    if (!this.active) this.#memory.forget()
    this.emit('change')
  }

  #remember(call: Call): void {
    if (!call.id || call.state === 'incoming' || call.state === 'ended') return
    this.#memory.remember({ callId: call.id, to: call.peer.id, audio: call.local.audio, video: call.local.video })
  }

  /** The session is new to the server: what happened to this call meanwhile? */
  async #resume(call: Call, callId: CallId): Promise<void> {
    try {
      const reply = await this.#askFor(callId)
      if (reply.call.state === 'ended') return call.finish('lost')
      for (const { event, args } of reply.pending ?? []) call.handle(event, args[0], args[1])
    } catch (err) {
      const { code } = TandemError.from(err)
      if (code !== 'timeout' && code !== 'closed' && code !== 'unavailable') call.finish('lost')
    }
  }

  /** A reloaded page takes the call again that it was in. */
  async #restore(): Promise<void> {
    const saved = this.#memory.recall()
    if (!saved || this.#live.size > 0) return
    try {
      const { call: r, pending } = await this.#askFor(saved.callId)
      const alive = r.state === 'answered' || (r.state === 'ringing' && r.role === 'caller')
      if (!alive) return this.#memory.forget()
      if (r.state === 'answered' && r.peerExtended === false) {
        // Its RTCPeerConnection can not be replaced; it can only be rung again.
        void this.#ctx.request('call:end', { to: r.peer.id, callId: r.callId }).catch(() => {})
        return this.#memory.forget()
      }
      const call = this.#track(Call.resumed(this.#ctx, r, saved))
      this.emit('restored', call)
      // Descriptions and candidates in there were for the old connection.
      for (const { event, args } of pending ?? []) {
        if (event === 'call:accepted' || event === 'call:peer') call.handle(event, args[0], args[1])
      }
    } catch {
      this.#memory.forget()
    }
  }

  async #askFor(callId: CallId): Promise<Resumed> {
    return (await this.#ctx.request('call:resume', { callId })) as Resumed
  }
}

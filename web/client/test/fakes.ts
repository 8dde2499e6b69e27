import type { SocketLike } from '../src/connection.js'

interface Sent {
  event: string
  args: any[]
  id?: number
}

/** A socket whose server is the test. */
export class FakeSocket implements SocketLike {
  onopen: ((e: never) => void) | null = null
  onmessage: ((e: { data: unknown }) => void) | null = null
  onclose: ((e: { code: number; reason: string }) => void) | null = null
  readyState = 0
  closedWith: number | undefined
  readonly sent: Sent[] = []

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005
  }

  open(): void {
    this.readyState = 1
    this.onopen?.({} as never)
  }

  receive(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }

  event(event: string, args: unknown[], seq?: number): void {
    this.receive(seq === undefined ? { event, args } : { event, args, seq })
  }

  /** Opens, takes the auth frame, and greets. Returns what auth said. */
  greet(hello: object = {}): any {
    this.open()
    const auth = this.sent.at(-1)!
    this.receive({ ack: auth.id, args: [{}] })
    this.event('hello', [{ sid: 's1', user: 'alice', resumed: false, resumeToken: 'r1', ...hello }])
    return auth.args[0]
  }

  drop(code = 1006, reason = ''): void {
    this.onclose?.({ code, reason })
  }

  /** The last request of that event; `ack` and `fail` answer it. */
  last(event: string): Sent | undefined {
    return this.sent.filter((f) => f.event === event).at(-1)
  }

  all(event: string): Sent[] {
    return this.sent.filter((f) => f.event === event)
  }

  ack(event: string, reply: unknown = {}): void {
    this.receive({ ack: this.last(event)!.id, args: [reply] })
  }

  fail(event: string, code: string): void {
    this.receive({ ack: this.last(event)!.id, error: { code, message: code } })
  }
}

/** Makes sockets and remembers them. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = []

  create = (url: string, protocols: string[]): SocketLike => {
    const socket = new FakeSocket(url, protocols)
    this.sockets.push(socket)
    return socket
  }

  get now(): FakeSocket {
    return this.sockets.at(-1)!
  }
}

/** sessionStorage without a browser. */
export class FakeStorage {
  readonly items = new Map<string, string>()
  getItem = (key: string): string | null => this.items.get(key) ?? null
  setItem = (key: string, value: string): void => void this.items.set(key, value)
  removeItem = (key: string): void => void this.items.delete(key)
}

/** Lets promises that are due settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve()
}

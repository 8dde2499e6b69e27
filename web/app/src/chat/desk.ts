import type { Tandem, UserId } from '@tandem-rtc/client'
import { BrowserCache } from './cache'
import { CallLog, restOf } from './calllog'
import { Chat } from './chat'

export type Tab = 'people' | 'chats' | 'calls'

const TAB_KEY = 'tandem.tab'
/** Storage that does not answer must not keep anybody from calling. */
const RESTORE_MS = 1500

/** What this needs of the page's store. */
export interface DeskHost {
  changed(): void
  announce(text: string): void
  nameOf(id: UserId): string
  complain(text: string): void
}

interface Who {
  me: UserId
  base: string
  token: string | undefined
}

/** What lies beside the calls for one user: messages, the log of calls, drafts, and which list is open. */
export class Desk {
  readonly chat: Chat
  readonly calls: CallLog
  readonly drafts = new Map<UserId, string>()
  tab: Tab = recallTab()
  readonly #client: Tandem
  readonly #changed: () => void
  readonly #off: (() => void)[]

  constructor(client: Tandem, { me, base, token }: Who, host: DeskHost) {
    this.#client = client
    this.#changed = host.changed
    this.chat = new Chat({
      me,
      messages: client.messages,
      cache: new BrowserCache(me),
      online: () => client.state === 'open',
      visible: () => document.visibilityState === 'visible',
      ...host,
    })
    this.calls = new CallLog(restOf(base, me, token), host.changed)
    const visible = (): void => {
      if (document.visibilityState === 'hidden') this.chat.flush()
      else if (client.state === 'open') this.#wake()
    }
    document.addEventListener('visibilitychange', visible)
    this.#off = [
      client.on('hello', (hello) => {
        this.chat.away()
        if (hello.resumed) this.#wake()
      }),
      client.messages.on('caughtUp', () => void this.calls.load()),
      // Also those that rang on another device.
      client.on('call:state', ({ callId, state }) => state === 'ended' && this.#ended(callId)),
      client.on('call:end', (end) => this.#ended(end?.callId)),
      () => document.removeEventListener('visibilitychange', visible),
    ]
  }

  /** Reads what this browser kept, within reason. */
  restore(): Promise<unknown> {
    return Promise.race([this.chat.restore(), new Promise((resolve) => setTimeout(resolve, RESTORE_MS))])
  }

  choose(tab: Tab): void {
    this.tab = tab
    try {
      sessionStorage.setItem(TAB_KEY, tab)
    } catch {
      // A reload begins with the people.
    }
    if (tab === 'calls') void this.calls.load()
    this.#changed()
  }

  /** Where one has to look: for the title of the page. */
  get unread(): number {
    return this.chat.on ? this.chat.talks.unread : 0
  }

  stop(): void {
    for (const off of this.#off) off()
    this.chat.stop()
    this.calls.close()
  }

  /** The user has left this browser. */
  forget(): void {
    this.stop()
    void this.chat.forget()
  }

  #wake(): void {
    this.chat.wake()
    if (this.#client.messages.available) void this.calls.load()
  }

  /** Where no messages are kept there is no log of calls either. */
  #ended(callId: string | undefined): void {
    if (this.#client.messages.available) this.calls.ended(callId)
  }
}

function recallTab(): Tab {
  try {
    const tab = sessionStorage.getItem(TAB_KEY)
    return tab === 'chats' || tab === 'calls' ? tab : 'people'
  } catch {
    return 'people'
  }
}

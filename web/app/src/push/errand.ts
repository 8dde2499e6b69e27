/** What a clicked notification asks the page to do: in a message, or in #push= of its address. */
export interface Errand {
  do: 'open' | 'answer' | 'decline'
  user: string
  from: string
  callId?: string
}

export function readErrand(value: unknown): Errand | undefined {
  const e = value as Partial<Errand> | null | undefined
  if (!e || typeof e !== 'object' || typeof e.user !== 'string' || typeof e.from !== 'string') return undefined
  if (e.callId !== undefined && typeof e.callId !== 'string') return undefined
  return e.do === 'open' || e.do === 'answer' || e.do === 'decline' ? (e as Errand) : undefined
}

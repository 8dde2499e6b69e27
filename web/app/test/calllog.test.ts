import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CallLog, type LoggedCall } from '../src/chat/calllog'
import { callWords } from '../src/ui/chat/CallList'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const call = (n: number, fields: Partial<LoggedCall> = {}): LoggedCall => ({
  callId: `c${n}`,
  caller: 'bob',
  callee: 'alice',
  reason: 'hangup',
  isVideoCall: false,
  startedAt: '',
  endedAt: new Date(n * 1000).toISOString(),
  durationMs: 0,
  missed: false,
  new: false,
  ...fields,
})

function setup(calls: LoggedCall[]) {
  const asked: [string, unknown][] = []
  const server = { calls, missed: 0, next: '', down: false }
  const log = new CallLog(
    async (path, body) => {
      asked.push([path, body])
      if (server.down) throw new Error('down')
      if (body !== undefined) {
        server.missed = 0
        return body
      }
      return { calls: server.calls, missed: server.missed, next: server.next }
    },
    () => {},
  )
  return { log, server, asked }
}

test('C14: who looks at missed calls marks those that were in the list, and no later ones', async () => {
  const { log, server, asked } = setup([call(5, { missed: true, new: true }), call(4)])
  server.missed = 1
  await log.load()
  expect(log.missed).toBe(1)
  await log.look()
  expect(asked.at(-1)).toEqual(['api/calls/seen', { until: call(5).endedAt }])
  expect(log.missed).toBe(0)
  expect(log.list[0]?.new).toBe(true) // still marked while one looks
  log.settle()
  expect(log.list[0]?.new).toBe(false)
  await log.look()
  expect(asked.filter(([path]) => path === 'api/calls/seen')).toHaveLength(1)
})

test('a call that has ended is looked for until its record is there, and not for ever', async () => {
  const { log, server, asked } = setup([call(1)])
  await log.load()
  log.ended('c2')
  await vi.advanceTimersByTimeAsync(400)
  expect(log.list.map((c) => c.callId)).toEqual(['c1'])
  server.calls = [call(2), call(1)]
  await vi.advanceTimersByTimeAsync(1200)
  expect(log.list.map((c) => c.callId)).toEqual(['c2', 'c1'])
  const before = asked.length
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked.length).toBe(before)
  log.ended('never')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(asked.length).toBe(before + 3)
})

test('pages: further ones stay when the first is asked for again', async () => {
  const { log, server } = setup([call(9), call(8)])
  server.next = 'n1'
  await log.load()
  server.calls = [call(7), call(8)]
  server.next = ''
  await log.more()
  expect(log.list.map((c) => c.callId)).toEqual(['c9', 'c8', 'c7'])
  server.calls = [call(10), call(9), call(8)]
  server.next = 'n1'
  await log.load()
  expect(log.list.map((c) => c.callId)).toEqual(['c10', 'c9', 'c8', 'c7'])
  expect(log.next).toBe('')
})

test('where there is no log it is not shown; one that is away for a moment stays', async () => {
  const { log, server } = setup([call(1)])
  server.down = true
  await log.load()
  expect(log.available).toBe(false)
  server.down = false
  await log.load()
  server.down = true
  await log.load()
  expect(log.available).toBe(true)
  expect(log.list).toHaveLength(1)
})

test.each([
  [{ missed: true }, 'bob', 'Missed'],
  [{ answeredAt: 'x', durationMs: 65_000 }, 'bob', '1:05'],
  [{ reason: 'rejected' }, 'alice', 'Declined'],
  [{ reason: 'rejected' }, 'bob', 'You declined'],
  [{ reason: 'cancelled' }, 'alice', 'Cancelled'],
  [{ reason: 'no_answer' }, 'alice', 'No answer'],
  [{ reason: 'something new' }, 'alice', 'Not connected'],
])('%j, called by %s: %s', (fields, caller, words) => {
  expect(callWords(call(1, { ...fields, caller, callee: caller === 'bob' ? 'alice' : 'bob' }), 'alice')).toBe(words)
})

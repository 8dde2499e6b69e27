import { expect, test, vi } from 'vitest'
import { Blocklist } from '../src/blocklist.js'
import { TandemError } from '../src/errors.js'

test('C15: blocks, unblocks and lists, and tells of each change once', async () => {
  const request = vi.fn(async (event: string) => (event === 'user:blocks' ? { users: ['bob', 'cid'] } : {}))
  const b = new Blocklist(request)
  const seen: string[][] = []
  b.on('change', (users) => seen.push([...users]))
  expect(b.users.size).toBe(0)
  await b.block('bob')
  await b.block('bob')
  expect(b.users.has('bob')).toBe(true)
  expect(await b.list()).toEqual(['bob', 'cid'])
  await b.unblock('bob')
  await b.unblock('nobody')
  expect(seen).toEqual([['bob'], ['bob', 'cid'], ['cid']])
  expect(request.mock.calls.map((c: unknown[]) => [c[0], c[1]])).toEqual([
    ['user:block', { userId: 'bob' }],
    ['user:block', { userId: 'bob' }],
    ['user:blocks', {}],
    ['user:unblock', { userId: 'bob' }],
    ['user:unblock', { userId: 'nobody' }],
  ])
})

test('C15: what another device does is noted, and nonsense is not', () => {
  const b = new Blocklist(async () => ({}))
  expect(b.onEvent('user:blocked', [{ userId: 'bob', blocked: true }])).toBe(true)
  expect([...b.users]).toEqual(['bob'])
  for (const args of [[], [null], [{ userId: 7, blocked: true }], ['x']]) expect(b.onEvent('user:blocked', args)).toBe(true)
  b.onEvent('user:blocked', [{ userId: 'bob' }])
  expect(b.users.size).toBe(0)
  expect(b.onEvent('userTyping', ['bob'])).toBe(false)
})

test('C15: what the server refuses changes nothing', async () => {
  const b = new Blocklist(() => Promise.reject(new TandemError('not_configured', 'no')))
  await expect(b.block('bob')).rejects.toThrow('no')
  await expect(b.list()).rejects.toMatchObject({ code: 'not_configured' })
  expect(b.users.size).toBe(0)
})

import { expect, test } from 'vitest'
import { Backoff } from '../src/backoff.js'

test('delays double up to the limit and stay in the upper half of each step', () => {
  const low = new Backoff({ random: () => 0 })
  const high = new Backoff({ random: () => 0.999999 })
  const steps = [200, 400, 800, 1600, 3200, 5000, 5000]
  for (const step of steps) {
    expect(low.next()).toBe(step / 2)
    expect(high.next()).toBe(step)
  }
})

test('reset starts from the first step', () => {
  const b = new Backoff({ random: () => 0 })
  b.next()
  b.next()
  b.reset()
  expect(b.next()).toBe(100)
  expect(b.attempt).toBe(1)
})

import { expect, test } from 'vitest'
import { nameInToken, serverBase, slug } from '../src/identity'
import { colours, initials, matches, nameFromId } from '../src/people'
import { duration } from '../src/words'

test.each([
  ['Zoë van Dijk', 'zoe-van-dijk'],
  ['  Bob  ', 'bob'],
  ['李雷', '李雷'],
  ['Ελένη 7', 'ελενη-7'],
  ['***', ''],
  ['undefined', 'undefined-'],
])('the id of %j is %j', (name, id) => expect(slug(name)).toBe(id))

test('an id is never longer than the server takes', () => {
  expect(new TextEncoder().encode(slug('語'.repeat(100))).length).toBeLessThanOrEqual(128)
})

test('names and initials', () => {
  expect(nameFromId('anna-lena.k')).toBe('Anna Lena K')
  expect(initials('Anna Lena Kraus')).toBe('AK')
  expect(initials('bob')).toBe('B')
  expect(initials('')).toBe('?')
  expect(colours('bob')).toEqual(colours('bob'))
})

test('the search does not mind accents and case', () => {
  expect(matches('ZOE', 'u1', 'Zoë van Dijk')).toBe(true)
  expect(matches('u1', 'u1', 'Zoë')).toBe(true)
  expect(matches('bob', 'u1', 'Zoë')).toBe(false)
  expect(matches('', 'u1', 'Zoë')).toBe(true)
})

test('a name is read out of a token, if there is one', () => {
  const token = (claims: object) => `x.${base64url(JSON.stringify(claims))}.y`
  const base64url = (text: string) => {
    const bytes = String.fromCharCode(...new TextEncoder().encode(text))
    return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
  }
  expect(nameInToken(token({ name: 'Zoë', sub: 'z' }))).toBe('Zoë')
  expect(nameInToken(token({ userId: 'z' }))).toBe('z')
  expect(nameInToken('nonsense')).toBeUndefined()
})

test('the server is beside the page, or above /tandem/', () => {
  expect(serverBase('https://a.test/?debug#x')).toBe('https://a.test/')
  expect(serverBase('https://a.test/calls/index.html')).toBe('https://a.test/calls/')
  expect(serverBase('https://a.test/tandem/')).toBe('https://a.test/')
})

test('durations', () => {
  expect(duration(0)).toBe('0:00')
  expect(duration(65_000)).toBe('1:05')
  expect(duration(3_665_000)).toBe('1:01:05')
})

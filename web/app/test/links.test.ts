import { expect, test } from 'vitest'
import { asMedia, media, parts, webUrl } from '../src/chat/links'

const links = (text: string): string[] => parts(text).flatMap((p) => (typeof p === 'string' ? [] : [p.href]))

test.each([
  ['nothing here', []],
  ['see https://a.test/b.', ['https://a.test/b']],
  ['(see https://a.test/b_(c))', ['https://a.test/b_(c)']],
  ['HTTPS://A.TEST and http://b.test/?q=1&r=2!', ['https://a.test/', 'http://b.test/?q=1&r=2']],
  ['javascript:alert(1) data:text/html,x ftp://a.test', []],
  ['https://bank.test@evil.test/', []],
  ['<a href="https://a.test">', ['https://a.test/']],
  ['https://', []],
])('the links of %j are %j', (text, want) => expect(links(text)).toEqual(want))

test('no text is lost on the way', () => {
  for (const text of ['a https://a.test/b. c', 'https://x:y@z.test https://a.test)', '  \n https://a.test\n']) {
    expect(parts(text).map((p) => (typeof p === 'string' ? p : p.text)).join('')).toBe(text)
  }
})

test('a long text without end is cut in no time', () => {
  const start = performance.now()
  parts(`${'https://a.test/('.repeat(500)}${')'.repeat(4000)}`)
  parts(`https://a.test/${'.'.repeat(16_000)}x`)
  expect(performance.now() - start).toBeLessThan(500)
})

test('what may be shown of a URL', () => {
  const page = 'https://calls.test/'
  expect(media('https://calls.test/a.png', page)).toMatchObject({ own: true, picture: true })
  expect(media('https://other.test/a%20b.JPEG?x=1', page)).toMatchObject({ own: false, picture: true, name: 'a b.JPEG', host: 'other.test' })
  expect(media('http://other.test/a.png', page)?.picture).toBe(false)
  expect(media('https://other.test/a.svg', page)?.picture).toBe(false)
  expect(media('https://other.test/a.pdf', page)?.picture).toBe(false)
  for (const bad of ['javascript:alert(1)', 'data:image/png;base64,AA', 'blob:https://a.test/1', '', null]) expect(media(bad, page)).toBeUndefined()
  expect(webUrl('https://a.test/%')?.href).toBe('https://a.test/%')
  expect(media('https://a.test/%.png', page)?.name).toBe('%.png')
})

test('a picture’s URL alone is sent as media', () => {
  expect(asMedia(' https://a.test/cat.webp ')).toBe('https://a.test/cat.webp')
  expect(asMedia('look: https://a.test/cat.webp')).toBeUndefined()
  expect(asMedia('https://a.test/page')).toBeUndefined()
})

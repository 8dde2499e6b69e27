// That the documents are OpenAPI 3.1 and AsyncAPI 3 by other people's judgement.
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'
import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { eventsOf, routesOf, webhooksOf, type AsyncApi, type OpenApi } from '../src/spec.js'

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

test('openapi.json is valid OpenAPI 3.1', async () => {
  const validator = new Validator()
  const r = await validator.validate(read('openapi.json'))
  expect(r.errors).toBeUndefined()
  expect([r.valid, validator.version]).toEqual([true, '3.1'])
})

test('asyncapi.json is valid AsyncAPI 3, its examples are of their schemas', async () => {
  const { document, diagnostics } = await new Parser().parse(read('asyncapi.json'))
  const errors = diagnostics.filter((d) => d.severity === 0).map((d) => `${d.path.join('.')}: ${d.message}`)
  expect(errors).toEqual([])
  expect(document?.version()).toBe('3.0.0')
  expect(document?.operations().all().length).toBeGreaterThan(50)
}, 60_000)

test('the page reads all of both', () => {
  const routes = routesOf(JSON.parse(read('openapi.json')) as OpenApi)
  expect(routes.length).toBeGreaterThan(14)
  for (const r of routes) expect(r['x-tandem-try'].curl, r.path).toContain('curl ')
  const hooks = webhooksOf(JSON.parse(read('openapi.json')) as OpenApi)
  expect(hooks.map((w) => w.type)).toEqual(expect.arrayContaining(['call.ringing', 'message.created', 'presence.online', 'permission']))
  for (const w of hooks) expect(w.requestBody.content['application/json'].example, w.type).toMatchObject({ type: w.type })
  const doc = JSON.parse(read('asyncapi.json')) as AsyncApi
  for (const e of eventsOf(doc)) {
    const { before, cause } = e['x-tandem-try']
    if (before) expect(doc['x-tandem'].preparations, e.key).toHaveProperty([before])
    if (cause && !['connect', 'offline', 'nonsense'].includes(cause))
      expect(doc.operations[cause]?.['x-tandem-try'].to, `${e.key} is brought about by ${cause}`).toBe('server')
  }
})

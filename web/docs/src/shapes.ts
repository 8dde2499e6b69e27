import { add, h, prose } from './dom.js'
import type { Schema } from './spec.js'

type Known = Record<string, Schema>

/** What a reference stands for, with the description of where it is used. */
function resolve(schema: Schema, known: Known): { schema: Schema; name: string | undefined; about: string | undefined } {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
  if (!ref) return { schema, name: undefined, about: schema.description }
  const name = ref.slice(ref.lastIndexOf('/') + 1)
  const found = known[name] ?? {}
  return { schema: found, name, about: schema.description ?? found.description }
}

/** A type in a few words. */
function kind(schema: Schema, known: Known): string {
  const { schema: s, name } = resolve(schema, known)
  if (s.anyOf) return s.anyOf.map((a) => kind(a, known)).join(' or ')
  if (s.enum) return s.enum.length > 6 ? (name ?? 'string') : s.enum.map((v) => `"${v}"`).join(' | ')
  if (s.type === 'array') return `array of ${Array.isArray(s.items) || !s.items ? 'anything' : kind(s.items, known)}`
  if (s.properties) return name ?? 'object'
  const types = [s.type ?? 'any JSON'].flat().map((t) => (t === 'integer' ? 'number' : t))
  return types.join(' or ') + (s.format === 'date-time' ? ' (ISO 8601)' : '')
}

/** The object in a schema whose members are worth showing. */
function inner(schema: Schema, known: Known): Schema | undefined {
  const { schema: s } = resolve(schema, known)
  if (s.properties) return Object.keys(s.properties).length > 0 ? s : undefined
  if (s.type === 'array' && s.items && !Array.isArray(s.items)) return inner(s.items, known)
  return s.anyOf?.map((a) => inner(a, known)).find((a) => a !== undefined)
}

/** A schema as lists in lists; objects inside objects open on demand. */
export function shape(schema: Schema, known: Known, depth = 0): HTMLElement {
  const object = inner(schema, known)
  const { about } = resolve(schema, known)
  const box = h('div', { class: 'shape' })
  if (depth === 0) add(box, [h('p', { class: 'type' }, kind(schema, known), about ? [': ', ...prose(about)] : undefined)])
  if (!object) return box
  const rows = Object.entries(object.properties ?? {}).map(([name, of]) => {
    const deeper = depth < 3 ? inner(of, known) : undefined
    const { about, schema: resolved } = resolve(of, known)
    return h(
      'li',
      null,
      h('code', { class: 'name' }, name),
      ' ',
      h('span', { class: 'kind' }, kind(of, known)),
      object.required?.includes(name) ? '' : h('span', { class: 'optional' }, ' optional'),
      about && resolved.properties === undefined ? h('p', null, ...(prose(about) as string[])) : undefined,
      deeper ? h('details', null, h('summary', null, 'members'), shape(of, known, depth + 1)) : undefined,
    )
  })
  box.append(h('ul', null, rows))
  return box
}

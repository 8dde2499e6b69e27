// Holds values against the schemas of the documents, more strictly than JSON
// Schema does: a member that is not described is a fault, too.
import { readFileSync } from 'node:fs';

const read = (name) => JSON.parse(readFileSync(new URL(`../../../../web/docs/${name}`, import.meta.url), 'utf8'));

export const openAPI = read('openapi.json');
export const asyncAPI = read('asyncapi.json');

const kinds = {
  string: (v) => typeof v === 'string',
  integer: (v) => Number.isInteger(v),
  boolean: (v) => typeof v === 'boolean',
  array: (v) => Array.isArray(v),
  object: (v) => typeof v === 'object' && v !== null && !Array.isArray(v),
  null: (v) => v === null,
};

// A site may allow more fields of a profile.
const open = new Set(['Profile']);

/**
 * What is wrong with a value, as texts; met gets the name of every member that
 * was there, as Schema.member.
 */
export function faults(value, schema, doc, { at = '$', met, name } = {}) {
  if (schema.$ref) {
    const ref = schema.$ref.split('/').at(-1);
    return faults(value, doc.components.schemas[ref], doc, { at, met, name: ref });
  }
  const found = [];
  for (const s of schema.allOf ?? []) found.push(...faults(value, s, doc, { at, met, name }));
  if (schema.anyOf) {
    const each = schema.anyOf.map((s) => faults(value, s, doc, { at, met, name }));
    if (!each.some((f) => f.length === 0)) found.push(...each.flat());
  }
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((t) => kinds[t](value))) return [...found, `${at} is ${JSON.stringify(value)}, not ${types.join(' or ')}`];
  if (schema.enum && value !== null && !schema.enum.includes(value)) found.push(`${at} is ${JSON.stringify(value)}, not of ${schema.enum}`);
  if (schema.format === 'date-time' && typeof value === 'string' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.?\d*Z$/.test(value)) found.push(`${at} is ${value}, not a time`);
  if (Array.isArray(value) && schema.items) {
    const tuple = Array.isArray(schema.items);
    if (tuple && value.length > schema.items.length) found.push(`${at} has ${value.length} entries, not ${schema.items.length}`);
    if (value.length < (schema.minItems ?? 0)) found.push(`${at} has ${value.length} entries only`);
    value.forEach((v, i) => {
      const s = tuple ? schema.items[i] : schema.items;
      if (s) found.push(...faults(v, s, doc, { at: `${at}[${i}]`, met }));
    });
  }
  if (schema.properties && kinds.object(value)) {
    for (const key of schema.required ?? []) if (!(key in value)) found.push(`${at} has no ${key}`);
    for (const [key, v] of Object.entries(value)) {
      const s = schema.properties[key];
      if (s) {
        met?.add(`${name}.${key}`);
        found.push(...faults(v, s, doc, { at: `${at}.${key}`, met }));
      } else if (!open.has(name)) found.push(`${at}.${key} is not described`);
    }
  }
  if (schema.additionalProperties && kinds.object(value)) {
    for (const [key, v] of Object.entries(value)) found.push(...faults(v, schema.additionalProperties, doc, { at: `${at}.${key}`, met }));
  }
  return found;
}

/** What is wrong with an event that a client was sent. */
export function eventFaults(name, args, met) {
  const message = asyncAPI.components.messages[`on.${name}`];
  if (!message) return [`${name} is sent and not described`];
  return faults(args, message.payload, asyncAPI, { at: name, met });
}

/** What is wrong with an acknowledgement: its first argument. */
export function ackFaults(name, reply, met) {
  if (reply === undefined || reply === null) return [];
  const message = asyncAPI.components.messages[`${name}.ack`];
  if (!message) return [`${name} is acknowledged, and that is not described`];
  return faults([reply], message.payload, asyncAPI, { at: `ack of ${name}`, met });
}

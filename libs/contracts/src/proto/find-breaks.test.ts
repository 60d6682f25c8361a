import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../json.ts'
import { findBreaks } from './find-breaks.ts'

const before: JsonObject = {
  type: 'object',
  title: 'held.v1',
  properties: {
    reason: { type: 'string', maxLength: 100 },
    quorum: { type: 'integer', minimum: 1 },
    effect: { type: 'string', enum: ['allow', 'deny'] },
    note: { type: ['string', 'null'] },
    groups: { type: 'array', items: { type: 'string' } },
    arguments: { anyOf: [{ type: 'object', properties: { inline: { type: 'object' } }, required: ['inline'] }] },
    mode: { type: 'string', default: 'enforce' },
  },
  required: ['reason', 'quorum'],
}

function whys(change: (schema: any) => void, promised = true): string[] {
  const after = structuredClone(before)
  change(after)
  return findBreaks(before, after, promised).map(({ at, why }) => `${at}: ${why}`)
}

test('R2: additive changes pass', () => {
  const additive: ((schema: any) => void)[] = [
    () => {},
    (schema) => (schema.properties.preview = { type: 'string' }),
    (schema) => (schema.title = 'Held'),
    (schema) => schema.properties.effect.enum.push('hold'),
    (schema) => (schema.properties.quorum.type = 'number'),
    (schema) => (schema.properties.quorum.minimum = 0),
    (schema) => delete schema.properties.reason.maxLength,
    (schema) =>
      schema.properties.arguments.anyOf.push({ type: 'object', properties: { stored: {} }, required: ['stored'] }),
    (schema) => (schema.properties.arguments.anyOf[0].properties.more = { type: 'string' }),
    (schema) => delete schema.properties.note.type,
    (schema) => (schema.required = schema.required.toReversed()),
  ]
  for (const change of additive) assert.deepEqual(whys(change), [], String(change))
})

test('R2: what a reader or a writer could stumble over is found, with its place', () => {
  const breaking: [change: (schema: any) => void, found: string][] = [
    [(schema) => delete schema.properties.note, '/properties/note: the property was removed'],
    [(schema) => schema.required.push('note'), '/: note is newly required'],
    [(schema) => schema.required.pop(), '/: quorum is no longer promised'],
    [(schema) => (schema.properties.note.type = 'string'), '/properties/note: type null is not accepted any more'],
    [
      (schema) => (schema.properties.reason.type = 'integer'),
      '/properties/reason: type string is not accepted any more',
    ],
    [(schema) => schema.properties.effect.enum.pop(), '/properties/effect: "deny" is not accepted any more'],
    [(schema) => (schema.properties.reason.const = 'x'), '/properties/reason: only listed values are accepted now'],
    [(schema) => (schema.properties.quorum.minimum = 2), '/properties/quorum: minimum was raised'],
    [(schema) => (schema.properties.quorum.maximum = 9), '/properties/quorum: maximum was lowered'],
    [(schema) => (schema.properties.reason.maxLength = 99), '/properties/reason: maxLength was lowered'],
    [(schema) => (schema.properties.reason.pattern = '^a'), '/properties/reason: pattern was changed'],
    [(schema) => (schema.additionalProperties = false), '/: unknown members are refused now'],
    [
      (schema) => (schema.properties.groups.items = { type: 'integer' }),
      '/properties/groups/items: type string is not accepted any more',
    ],
    [
      (schema) => (schema.properties.arguments.anyOf[0].required = ['inline', 'size']),
      '/properties/arguments/anyOf/0: the shape was removed or narrowed',
    ],
    [(schema) => (schema.properties.mode.default = 'shadow'), '/properties/mode: the default was changed'],
    [
      (schema) => (schema.properties.reason.not = { const: '' }),
      '/properties/reason: not was changed, which is not known to be additive',
    ],
  ]
  for (const [change, found] of breaking) assert.deepEqual(whys(change), [found], String(change))
})

test('R2: a document may stop requiring a member, because people write it and only we read it', () => {
  assert.deepEqual(
    whys((schema) => schema.required.pop(), false),
    [],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, type JsonObject } from '@countersign/contracts'
import { ArgumentChecks } from './check-arguments.ts'

const checks = new ArgumentChecks()
const check = (inputSchema: JsonObject, value: JsonObject) =>
  checks.check(
    { definition: { name: 't', inputSchema }, digest: digestOf(inputSchema), at: '2026-01-01T00:00:00Z', by: 'test' },
    value,
  )
const schema = {
  type: 'object',
  properties: { path: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
  required: ['path'],
  additionalProperties: false,
}

test('arguments are checked against the schema, and the first problem is told', () => {
  assert.equal(check(schema, { path: '/a' }), undefined)
  assert.match(check(schema, { at: 'yesterday', extra: 1 })!, /required property 'path'/)
  assert.match(check(schema, { path: '/a', extra: 1 })!, /"extra"/)
  assert.match(check(schema, { path: '/a', at: 'yesterday' })!, /\/at .*date-time/)
})

test('inherited members are not arguments', () => {
  assert.match(check({ type: 'object', required: ['toString'] }, {})!, /toString/)
  assert.match(check(schema, JSON.parse('{"path":"/a","__proto__":{}}'))!, /__proto__/)
})

test('draft-07 is used where the schema says so, 2020-12 elsewhere', () => {
  const tuple = { type: 'object', properties: { pair: { items: [{ type: 'string' }] } } }
  const draft07 = { $schema: 'http://json-schema.org/draft-07/schema#', ...tuple }
  assert.match(check(draft07, { pair: [1] })!, /must be string/)
  const latest = { type: 'object', properties: { pair: { prefixItems: [{ type: 'string' }] } } }
  assert.match(check(latest, { pair: [1] })!, /must be string/)
  assert.match(check({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...latest }, { pair: [1] })!, /string/)
})

test('R44: elder dialects are judged by their own rules', () => {
  const of = (dialect: string, more: JsonObject) => ({
    $schema: `http://json-schema.org/${dialect}/schema#`,
    type: 'object',
    ...more,
  })
  const bounds = of('draft-04', {
    id: 'https://example.com/bounds',
    definitions: { n: { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false } },
    // Names of members are no keywords.
    properties: { id: { $ref: '#/definitions/n' }, exclusiveMinimum: { type: 'boolean' } },
    required: ['id'],
  })
  assert.equal(check(bounds, { id: 9, exclusiveMinimum: true }), undefined)
  assert.match(check(bounds, { id: 0 })!, /must be > 0/)
  assert.match(check(bounds, { id: 10 })!, /must be <= 9/)
  const draft06 = of('draft-06', { properties: { a: { const: 1 }, b: { exclusiveMinimum: 0 } } })
  assert.equal(check(draft06, { a: 1, b: 1 }), undefined)
  assert.match(check(draft06, { b: 0 })!, /must be > 0/)
  const tree = {
    $schema: 'https://json-schema.org/draft/2019-09/schema',
    $recursiveAnchor: true,
    type: 'object',
    properties: { children: { type: 'array', items: { $recursiveRef: '#' } }, pair: { items: [{ type: 'string' }] } },
    unevaluatedProperties: false,
  }
  assert.equal(check(tree, { children: [{ children: [{}] }], pair: ['x', 1] }), undefined)
  assert.match(check(tree, { children: [{ children: [{ other: 1 }] }] })!, /unevaluated/)
  assert.match(check(tree, { pair: [1] })!, /must be string/)
  // What the latest dialect says of the same texts.
  const { $schema: _dialect, ...latest } = bounds as JsonObject
  assert.match(check(latest, { id: 9 })!, /schema cannot be used/)
})

test('R44: what is no keyword of JSON Schema keeps no tool from being called', () => {
  const schema = {
    id: 'https://example.com/args',
    type: 'object',
    properties: { a: { nullable: true, anyOf: [{ type: 'string' }] }, b: { type: 'string', nullable: true } },
  }
  assert.equal(check(schema, { a: 'x', b: null }), undefined)
  assert.match(check(schema, { a: 1 })!, /must be string/)
})

test('I7: an elder dialect costs no more than it may', () => {
  const pairs = (depth: number): JsonObject => ({
    $schema: 'https://json-schema.org/draft/2019-09/schema',
    type: 'object',
    $defs: Object.fromEntries(
      Array.from({ length: depth }, (_, index): [string, JsonObject] => {
        const next = { $ref: `#/$defs/d${(index + 1) % depth}` }
        return [`d${index}`, index + 1 < depth ? { allOf: [next, next] } : { type: 'string' }]
      }),
    ),
    properties: { a: { $ref: '#/$defs/d0' } },
  })
  assert.match(check(pairs(30), { a: 'x' })!, /takes too long/)
})

test('I7: a schema that cannot be used refuses the call and says so', () => {
  for (const bad of [
    { type: 'object', properties: { a: { $ref: 'https://elsewhere.example/schema.json' } } },
    { type: 'object', properties: { a: { pattern: '(' } } },
    { type: 'nonsense' },
    { $schema: 'https://json-schema.org/draft/1999/schema', type: 'object' },
    { $async: true, type: 'object' },
  ]) {
    assert.match(check(bad, {})!, /schema cannot be used/, JSON.stringify(bad))
  }
})

test('schemas with the same $id do not get mixed up', () => {
  const one = { $id: 'https://example.com/args', type: 'object', required: ['a'] }
  const two = { $id: 'https://example.com/args', type: 'object', required: ['b'] }
  assert.match(check(one, {})!, /'a'/)
  assert.match(check(two, {})!, /'b'/)
  const local = {
    $id: 'https://example.com/local',
    $defs: { s: { type: 'string' } },
    properties: { a: { $ref: '#/$defs/s' } },
  }
  assert.match(check(local, { a: 1 })!, /must be string/)
})

test('I7: no schema and no argument keeps the check busy', () => {
  const evil = `${'a'.repeat(50_000)}!`
  const text = (rest: JsonObject): JsonObject => ({ type: 'object', properties: { a: { type: 'string', ...rest } } })
  assert.match(check(text({ pattern: '^(a+)+$' }), { a: evil })!, /must match pattern "\^\(a\+\)\+\$"/)
  assert.match(
    check({ patternProperties: { '^(a|a)*$': false }, additionalProperties: false }, { [evil]: 1 })!,
    /additional/,
  )
  assert.match(check({ propertyNames: { pattern: '^(a|a)*$' } }, { [evil]: 1 })!, /must match pattern/)
  assert.match(check(text({ pattern: '(?:a|b)*a(?:a|b){900}$' }), { a: evil })!, /takes too long .*send shorter/)
  assert.match(check(text({ format: 'url' }), { a: `http://${':'.repeat(100_000)}` })!, /takes too long/)
  assert.equal(check(text({ format: 'url' }), { a: 'https://example.com/x' }), undefined)
  assert.match(check(text({ format: 'email' }), { a: evil })!, /must match format "email"/)
  const list = { properties: { a: { type: 'array', uniqueItems: true } } }
  const items = Array.from({ length: 100_000 }, (_, n) => ({ n }))
  assert.equal(check(list, { a: items }), undefined)
  assert.match(check(list, { a: [...items, { n: 7 }] })!, /the same item twice/)
})

test('a text of ten megabytes is judged by its length, and refused by it', () => {
  const text = (rest: JsonObject): JsonObject => ({ type: 'object', properties: { a: { type: 'string', ...rest } } })
  const a = 'a'.repeat(10_000_000)
  assert.equal(check(text({ minLength: 1, maxLength: 10_000_000 }), { a }), undefined)
  assert.match(check(text({ maxLength: 9_999_999 }), { a })!, /must NOT have more than 9999999 characters/)
})

test('I7: references that multiply are not followed for ever, in either dialect', () => {
  const nested = JSON.parse(`${'{"a":'.repeat(60)}1${'}'.repeat(60)}`) as JsonObject
  const twice = (ref: JsonObject) => ({ anyOf: [{ properties: { a: ref } }, { properties: { a: ref } }] })
  for (const $schema of ['http://json-schema.org/draft-07/schema#', 'https://json-schema.org/draft/2020-12/schema']) {
    const self = { $schema, type: 'object', ...twice({ $ref: '#' }) }
    assert.match(check(self, nested)!, /takes too long/, $schema)
    const chain = Array.from({ length: 60 }, (_, n) => {
      return [`d${n}`, { anyOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] }]
    })
    const $defs = { ...Object.fromEntries(chain), d60: { type: 'string' } } as JsonObject
    assert.match(check({ $schema, $ref: '#/$defs/d0', $defs }, {})!, /takes too long/, $schema)
    const inner = { type: 'object', ...twice({ $ref: '#/default/inner' }) }
    assert.match(
      check({ $schema, default: { inner }, $ref: '#/default/inner' }, nested)!,
      /refers to "#\/default\/inner", where it has no schema/,
    )
    const tree = { $schema, properties: { children: { items: { $ref: '#' } }, name: { type: 'string' } } }
    assert.equal(check(tree, { children: [{ name: 'x', children: [{ name: 'y' }] }] }), undefined)
    assert.match(check(tree, { children: [{ children: [{ name: 1 }] }] })!, /name must be string/)
  }
  const dynamic = { $dynamicAnchor: 'n', type: 'object', ...twice({ $dynamicRef: '#n' }) }
  assert.match(check(dynamic, nested)!, /takes too long/)
})

test('I7: neither compiling a schema nor judging a long text again and again takes long', () => {
  const many = (count: number, of: (n: number) => JsonObject) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, of(n)]))
  // A copy of `b` at each place that refers to it would be a program of a gigabyte.
  const wide = { $defs: { b: { properties: many(100, () => ({ type: 'string' })) } } }
  assert.equal(check({ ...wide, properties: many(400, () => ({ $ref: '#/$defs/b' })) }, {}), undefined)
  const doubling = Array.from({ length: 18 }, (_, n) => {
    return [`d${n}`, { anyOf: [{ $ref: `#/$defs/d${n + 1}` }, { $ref: `#/$defs/d${n + 1}` }] }]
  })
  const $defs = { ...Object.fromEntries(doubling), d18: { type: 'string', maxLength: 1 } } as JsonObject
  const long = { a: 'x'.repeat(250_000) }
  assert.match(check({ $defs, properties: { a: { $ref: '#/$defs/d0' } } }, long)!, /takes too long/)
  const alternatives = Array.from({ length: 1500 }, (_, n) => ({ type: 'string', maxLength: n }))
  assert.match(check({ properties: { a: { anyOf: alternatives } } }, long)!, /takes too long/)
  const names = Array.from({ length: 5000 }, (_, n) => `name ${n}`)
  const list = { properties: { a: { items: { enum: names } } } }
  assert.match(check(list, { a: Array.from({ length: 40_000 }, () => 'name 4999') })!, /takes too long/)
  assert.equal(check(list, { a: Array.from({ length: 100 }, () => 'name 4999') }), undefined)
})

test('I7: a schema that refers to itself without end refuses, now and later', () => {
  for (const endless of [
    { type: 'object', $ref: '#' },
    { type: 'object', allOf: [{ $ref: '#' }] },
    { $ref: '#/$defs/a', $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }] } } },
  ]) {
    for (let time = 0; time < 2; time++) assert.match(check(endless, {})!, /schema cannot be used|takes too long/)
  }
})

test('what a schema has as data is left as it is, and what it names may be written in any way', () => {
  const fragment = { $ref: '#/x', properties: { a: 1 } }
  const data = { properties: { a: { const: fragment }, b: { enum: [fragment, 'x'] } } }
  assert.equal(check(data, { a: fragment, b: fragment }), undefined)
  const odd = { $defs: { 'a/b~c d': { type: 'string' }, n: { $anchor: 'named', type: 'number' } } }
  const schema = { ...odd, properties: { a: { $ref: '#/$defs/a~1b~0c%20d' }, b: { $ref: '#named' } } }
  assert.equal(check(schema, { a: 'x', b: 1 }), undefined)
  assert.match(check(schema, { a: 1, b: 1 })!, /\/a must be string/)
  assert.match(check(schema, { a: 'x', b: 'x' })!, /\/b must be number/)
})

test('I7: a pattern that cannot be judged in linear time makes its tool refuse, and says so', () => {
  const schema = { type: 'object', properties: { a: { pattern: '(a)\\1' } } }
  assert.match(
    check(schema, {})!,
    /schema cannot be used \(the pattern "\(a\)\\\\1" .*back-references are not supported/,
  )
})

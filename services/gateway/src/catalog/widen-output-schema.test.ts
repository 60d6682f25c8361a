import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError } from '@countersign/contracts'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { ownResult, refusedResult } from '../call/reply.ts'
import { widenOutputSchema } from './widen-output-schema.ts'

const schema = {
  type: 'object',
  $defs: { text: { type: 'string' } },
  properties: { content: { $ref: '#/$defs/text' } },
  required: ['content'],
  additionalProperties: false,
}

test("a widened schema takes the tool's own answers and ours, and nothing else", () => {
  const validate = new Ajv2020().compile(widenOutputSchema(schema)!)
  assert.ok(validate({ content: 'x' }))
  assert.ok(validate(ownResult('denied', 'id', 'no').structuredContent))
  assert.ok(validate(refusedResult(new CountersignError('overloaded', 'too many')).structuredContent))
  assert.ok(!validate({ status: 'odd', message: 'no' }))
  assert.ok(!validate({ content: 1 }))
  assert.ok(!validate({ other: 'x' }))
})

test('R35: a schema of something else than an object is left out', () => {
  assert.equal(widenOutputSchema({ type: 'array', items: { type: 'number' } }), undefined)
  assert.equal(widenOutputSchema({ anyOf: [{ type: 'string' }, { type: 'object' }] }), undefined)
})

test('R44: a dialect that is no text, at which clients would refuse the whole list, is left out', () => {
  const widened = widenOutputSchema({ $schema: 5, type: 'object' })!
  assert.deepEqual(widened, widenOutputSchema({ type: 'object' }))
})

test('a schema that refers to itself by other means is left out', () => {
  assert.equal(widenOutputSchema({ type: 'object', properties: { child: { $ref: '#' } } }), undefined)
  assert.equal(
    widenOutputSchema({ type: 'object', $id: 'https://x.example/s', properties: { a: { $anchor: 'a' } } }),
    undefined,
  )
})

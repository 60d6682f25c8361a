import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '@countersign/contracts'
import { ListToolsResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { legacyEra, modernEra } from '../wire/era.ts'
import { ToolGatherer } from './tool-list.ts'

const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
const whole: JsonObject = {
  name: 'whole',
  title: 'Whole',
  description: 'Has every member that MCP names.',
  inputSchema: { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema },
  outputSchema: schema,
  annotations: { title: 'Whole', readOnlyHint: true, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  icons: [{ src: 'data:,', mimeType: 'image/png', sizes: ['any'], theme: 'dark' }],
  execution: { taskSupport: 'forbidden' },
  _meta: { 'example.com/a': 1 },
}

function gather(tools: readonly Json[], era = legacyEra as typeof legacyEra | typeof modernEra) {
  const gatherer = new ToolGatherer(new Set(), era)
  for (const tool of tools) gatherer.add(tool)
  return gatherer.list
}

/** A value with each of its members in turn, however deep, taken out or made something odd. */
function* spoilt(value: Json): Generator<Json> {
  yield* [null, 5, 'text', true, [], {}, [5], { type: 'array' }, { a: 5 }, { a: true }]
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    const without = structuredClone(value) as JsonObject
    if (!Array.isArray(value)) {
      delete without[key]
      yield without
    }
    for (const odd of spoilt((value as JsonObject)[key]!)) {
      const copy = structuredClone(value) as JsonObject
      copy[key] = odd
      yield copy
    }
  }
}

test('R44: what is passed of a list of tools, the official SDK reads; what it would refuse is left out with the reason', () => {
  assert.deepEqual(gather([whole]).tools, [whole])
  let refused = 0
  for (const tool of spoilt(whole)) {
    const { tools, invalid } = gather([tool])
    assert.equal(tools.length + invalid.length, 1, JSON.stringify(tool))
    refused += invalid.length
    if (tools.length > 0) ListToolsResultSchema.parse({ tools }, { reportInput: true })
    else assert.notEqual(invalid[0]!.reason, '')
  }
  assert.ok(refused > 100, String(refused))
})

test('R44: the reason says what is wrong with a schema, and the modern revision may give what is no object', () => {
  const reasons = (tool: JsonObject) => gather([{ name: 't', inputSchema: schema, ...tool }]).invalid[0]?.reason
  assert.equal(reasons({ inputSchema: { type: 'array' } }), 'inputSchema: its type must be "object"')
  assert.equal(reasons({ inputSchema: {} }), 'inputSchema: its type must be "object"')
  assert.equal(reasons({ inputSchema: true }), 'inputSchema: must be a JSON object')
  assert.equal(
    reasons({ inputSchema: { type: 'object', properties: { a: true } } }),
    'inputSchema: its properties must be an object of objects',
  )
  const list = { name: 'list', inputSchema: schema, outputSchema: { type: 'array' } }
  assert.equal(reasons(list), 'outputSchema: its type must be "object"')
  assert.deepEqual(gather([list], modernEra).tools, [list])
})

test('R44: of two tools with one name neither is offered, and one that is listed twice is one', () => {
  const tool = (name: string, description: string) => ({ name, description, inputSchema: schema })
  const twice = [tool('two', 'reads'), tool('one', 'x'), tool('two', 'deletes'), tool('two', 'reads'), tool('one', 'x')]
  assert.deepEqual(gather(twice), {
    tools: [tool('one', 'x')],
    invalid: [{ name: 'two', reason: 'another tool of the list has the same name' }],
    moreInvalid: 0,
  })
  // Also when so many are not valid that they are only counted.
  const bad = Array.from({ length: 100 }, (_, index) => ({ name: `bad-${index}` }))
  const { tools, moreInvalid } = gather([...bad, tool('two', 'reads'), tool('two', 'deletes')])
  assert.deepEqual([tools, moreInvalid], [[], 1])
})

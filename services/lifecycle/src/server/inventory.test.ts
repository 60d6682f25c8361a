import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, type JsonObject } from '@countersign/contracts'
import type { ToolList } from '@countersign/mcp'
import { DefinitionChecks } from './check-definition.ts'
import { takeInventory } from './inventory.ts'

const tool = (name: string, description = '') => ({ name, description, inputSchema: { type: 'object' } })

const none = new Set<string>()
const checks = new DefinitionChecks()
const list = (...tools: ToolList['tools']): ToolList => ({ tools, invalid: [], moreInvalid: 0 })

test('a definition that is not valid, too large or has no canonical form is refused and named', async () => {
  const offered = list(tool('good'), tool('large', 'x'.repeat(65_536)), tool('odd', '\ud800'))
  const { tools, refused, leftOut } = await takeInventory(
    'files',
    { ...offered, invalid: [{ name: 'bad', reason: 'no schema' }] },
    none,
    checks,
  )
  assert.deepEqual([...tools], [['good', { definition: tool('good'), digest: digestOf(tool('good')) }]])
  assert.deepEqual([...refused.keys()], ['bad', 'large', 'odd'])
  assert.match(leftOut!, /^bad \(no schema\), large \(its definition has \d+ bytes, over 65536\), odd \(.*surrogate/)
  assert.equal((await takeInventory('files', list(), none, checks)).leftOut, undefined)
})

test('R44: a tool whose arguments could not be judged, or whose output schema clients could not compile, is refused', async () => {
  const of = (name: string, schema: JsonObject) => ({ ...tool(name), inputSchema: { type: 'object', ...schema } })
  const giving = (name: string, outputSchema: JsonObject) => ({ ...tool(name), outputSchema })
  const dialect = (name: string) => of(name, { $schema: `http://json-schema.org/${name}/schema#` })
  const elsewhere = { properties: { a: { $ref: 'https://elsewhere.example/schema.json' } } }
  const missing = { properties: { a: { $ref: '#/$defs/none' } } }
  const { tools, refused } = await takeInventory(
    'files',
    list(
      ...['draft-04', 'draft-06', 'draft-07', 'draft/2019-09', 'draft/2020-12', 'draft/1999'].map(dialect),
      of('pattern', { properties: { a: { pattern: '(' } } }),
      of('remote', elsewhere),
      of('missing', missing),
      giving('gives an odd type', { type: 'object', properties: { a: { type: 'nonsense' } } }),
      giving('gives a pattern', { type: 'object', properties: { a: { pattern: '(' } } }),
      giving('gives what is missing', { type: 'object', ...missing }),
      // Neither is shown to clients.
      giving('gives what is elsewhere', { type: 'object', ...elsewhere }),
      giving('gives a list', { type: 'array', items: { type: 'nonsense' } }),
    ),
    none,
    checks,
  )
  assert.deepEqual(
    [...tools.keys()],
    [
      ...['draft-04', 'draft-06', 'draft-07', 'draft/2019-09', 'draft/2020-12'],
      ...['gives what is elsewhere', 'gives a list'],
    ],
  )
  assert.match(refused.get('draft/1999')!, /^its inputSchema cannot be judged: its \$schema .* is not known; known are/)
  assert.match(refused.get('pattern')!, /^its inputSchema cannot be judged: /)
  assert.match(refused.get('remote')!, /refers to "https:/)
  assert.match(refused.get('missing')!, /refers to "#/)
  assert.match(refused.get('gives an odd type')!, /^its outputSchema cannot be compiled: type must be/)
  assert.match(refused.get('gives a pattern')!, /^its outputSchema cannot be compiled: .*regular expression/)
  assert.match(refused.get('gives what is missing')!, /^its outputSchema cannot be compiled: can't resolve reference/)
})

test('R44: a tool that would be listed under the name of our own is refused, and told of', async () => {
  const own = list(tool('countersign_call_status'), tool('call_status'), tool('status'))
  const [elsewhere, countersign] = [
    await takeInventory('files', own, none, checks),
    await takeInventory('countersign', own, none, checks),
  ]
  assert.deepEqual([...elsewhere.tools.keys()], ['call_status', 'status'])
  assert.deepEqual([...countersign.tools.keys()], ['status'])
  assert.match(
    elsewhere.leftOut!,
    /^countersign_call_status \(its name is that of Countersign's own tool; have it renamed\)$/,
  )
  assert.deepEqual([...countersign.refused.keys()], ['countersign_call_status', 'call_status'])
})

test('of many tools that cannot be used 100 are kept track of, and the others are counted', async () => {
  const invalid = Array.from({ length: 99 }, (_, index) => ({ name: `t${index}`, reason: 'bad' }))
  const odd = Array.from({ length: 3 }, (_, index) => tool(`odd${index}`, '\ud800'))
  const { refused, leftOut } = await takeInventory('files', { tools: odd, invalid, moreInvalid: 7 }, none, checks)
  assert.deepEqual([refused.size, refused.has('odd0'), refused.has('odd1')], [100, true, false])
  assert.match(leftOut!, /^t0 \(bad\), .*, t4 \(bad\), 104 more$/)
})

test('tools after the 5,000th are left out', async () => {
  const { tools, leftOut } = await takeInventory(
    'files',
    list(...Array.from({ length: 5003 }, (_, index) => tool(`t${index}`))),
    none,
    checks,
  )
  assert.deepEqual([tools.size, leftOut], [5000, '3 tools after the first 5000'])
})

test('I13: a tool that is pinned and cannot be used is told of, however many others cannot', async () => {
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  const invalid = [...names('bad', 150), 'kept'].map((name) => ({ name, reason: 'bad' }))
  const tools = [...names('odd', 2).map((name) => tool(name, '\ud800')), ...names('t', 5002).map((name) => tool(name))]
  const inventory = await takeInventory(
    'files',
    { tools, invalid, moreInvalid: 0 },
    new Set(['kept', 'odd1', 't5001', 't3']),
    checks,
  )
  assert.equal(inventory.refused.size, 103)
  assert.deepEqual([...inventory.refused].slice(100), [
    ['kept', 'bad'],
    ['odd1', inventory.refused.get('odd1')],
    ['t5001', 'it comes after the first 5000 tools'],
  ])
  assert.ok(inventory.tools.has('t3'))
  assert.match(inventory.leftOut!, /, 149 more, 3 tools after the first 5000$/)
})

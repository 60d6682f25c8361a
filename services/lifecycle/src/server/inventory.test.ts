import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '@countersign/contracts'
import type { ToolList } from '@countersign/mcp'
import { takeInventory } from './inventory.ts'

const tool = (name: string, description = '') => ({ name, description, inputSchema: {} })

const none = new Set<string>()
const list = (...tools: ToolList['tools']): ToolList => ({ tools, invalid: [], moreInvalid: 0 })

test('a definition that is not valid, too large or has no canonical form is refused and named', () => {
  const offered = list(tool('good'), tool('large', 'x'.repeat(65_536)), tool('odd', '\ud800'))
  const { tools, refused, leftOut } = takeInventory(
    { ...offered, invalid: [{ name: 'bad', reason: 'no schema' }] },
    none,
  )
  assert.deepEqual([...tools], [['good', { definition: tool('good'), digest: digestOf(tool('good')) }]])
  assert.deepEqual([...refused.keys()], ['bad', 'large', 'odd'])
  assert.match(
    leftOut!,
    /^left out: bad \(no schema\), large \(its definition has \d+ bytes, over 65536\), odd \(.*surrogate/,
  )
  assert.equal(takeInventory(list(), none).leftOut, undefined)
})

test('of many tools that cannot be used 100 are kept track of, and the others are counted', () => {
  const invalid = Array.from({ length: 99 }, (_, index) => ({ name: `t${index}`, reason: 'bad' }))
  const odd = Array.from({ length: 3 }, (_, index) => tool(`odd${index}`, '\ud800'))
  const { refused, leftOut } = takeInventory({ tools: odd, invalid, moreInvalid: 7 }, none)
  assert.deepEqual([refused.size, refused.has('odd0'), refused.has('odd1')], [100, true, false])
  assert.match(leftOut!, /^left out: t0 \(bad\), .*, t4 \(bad\), 104 more$/)
})

test('tools after the 5,000th are left out', () => {
  const { tools, leftOut } = takeInventory(list(...Array.from({ length: 5003 }, (_, index) => tool(`t${index}`))), none)
  assert.deepEqual([tools.size, leftOut], [5000, 'left out: 3 tools after the first 5000'])
})

test('I13: a tool that is pinned and cannot be used is told of, however many others cannot', () => {
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  const invalid = [...names('bad', 150), 'kept'].map((name) => ({ name, reason: 'bad' }))
  const tools = [...names('odd', 2).map((name) => tool(name, '\ud800')), ...names('t', 5002).map((name) => tool(name))]
  const inventory = takeInventory({ tools, invalid, moreInvalid: 0 }, new Set(['kept', 'odd1', 't5001', 't3']))
  assert.equal(inventory.refused.size, 103)
  assert.deepEqual([...inventory.refused].slice(100), [
    ['kept', 'bad'],
    ['odd1', inventory.refused.get('odd1')],
    ['t5001', 'it comes after the first 5000 tools'],
  ])
  assert.ok(inventory.tools.has('t3'))
  assert.match(inventory.leftOut!, /, 149 more, 3 tools after the first 5000$/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '@countersign/contracts'
import { takeInventory } from './inventory.ts'

const tool = (name: string, description = '') => ({ name, description, inputSchema: {} })

test('a definition that is too large or has no canonical form is left out and named', () => {
  const { tools, leftOut } = takeInventory([tool('good'), tool('large', 'x'.repeat(65_536)), tool('odd', '\ud800')])
  assert.deepEqual([...tools], [['good', { definition: tool('good'), digest: digestOf(tool('good')) }]])
  assert.match(leftOut!, /^left out: large \(its definition has \d+ bytes, over 65536\), odd \(.*surrogate/)
  assert.equal(takeInventory([]).leftOut, undefined)
})

test('tools after the 5,000th are left out', () => {
  const { tools, leftOut } = takeInventory(Array.from({ length: 5003 }, (_, index) => tool(`t${index}`)))
  assert.deepEqual([tools.size, leftOut], [5000, 'left out: 3 tools after the first 5000'])
})

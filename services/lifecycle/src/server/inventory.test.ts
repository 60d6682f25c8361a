import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '@countersign/contracts'
import type { ToolList } from '@countersign/mcp'
import { takeInventory } from './inventory.ts'

const tool = (name: string, description = '') => ({ name, description, inputSchema: {} })

const list = (...tools: ToolList['tools']): ToolList => ({ tools, invalid: [], moreInvalid: 0 })

test('a definition that is not valid, too large or has no canonical form is refused and named', () => {
  const offered = list(tool('good'), tool('large', 'x'.repeat(65_536)), tool('odd', '\ud800'))
  const { tools, refused, leftOut } = takeInventory({ ...offered, invalid: [{ name: 'bad', reason: 'no schema' }] })
  assert.deepEqual([...tools], [['good', { definition: tool('good'), digest: digestOf(tool('good')) }]])
  assert.deepEqual([...refused.keys()], ['bad', 'large', 'odd'])
  assert.match(
    leftOut!,
    /^left out: bad \(no schema\), large \(its definition has \d+ bytes, over 65536\), odd \(.*surrogate/,
  )
  assert.equal(takeInventory(list()).leftOut, undefined)
})

test('of many tools that cannot be used 100 are kept track of, and the others are counted', () => {
  const invalid = Array.from({ length: 99 }, (_, index) => ({ name: `t${index}`, reason: 'bad' }))
  const odd = Array.from({ length: 3 }, (_, index) => tool(`odd${index}`, '\ud800'))
  const { refused, leftOut } = takeInventory({ tools: odd, invalid, moreInvalid: 7 })
  assert.deepEqual([refused.size, refused.has('odd0'), refused.has('odd1')], [100, true, false])
  assert.match(leftOut!, /^left out: t0 \(bad\), .*, t4 \(bad\), 104 more$/)
})

test('tools after the 5,000th are left out', () => {
  const { tools, leftOut } = takeInventory(list(...Array.from({ length: 5003 }, (_, index) => tool(`t${index}`))))
  assert.deepEqual([tools.size, leftOut], [5000, 'left out: 3 tools after the first 5000'])
})

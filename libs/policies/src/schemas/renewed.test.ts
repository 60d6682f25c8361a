import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Renewed } from './renewed.ts'

test('it is made when it is needed, and anew after 500 uses', () => {
  let made = 0
  const renewed = new Renewed(() => ({ number: ++made }))
  assert.equal(made, 0)
  const used = Array.from({ length: 1001 }, () => renewed.use().number)
  assert.deepEqual([used[0], used[499], used[500], used[999], used[1000]], [1, 1, 2, 2, 3])
})

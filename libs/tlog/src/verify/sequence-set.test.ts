import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SequenceSet } from './sequence-set.ts'

test('what is missing is found as runs, also over pages that are full or were never begun', () => {
  const set = new SequenceSet()
  const missing = new Set([1, 5, 6, 65_535, 65_536, 65_537, 131_071])
  for (let value = 200_000; value >= 1; value--) if (!missing.has(value)) assert.ok(set.add(value))
  assert.equal(set.add(7), false)
  assert.ok(set.add(400_000))
  assert.deepEqual(
    [...set.missingUpTo(400_000)],
    [
      { from: 1, to: 1 },
      { from: 5, to: 6 },
      { from: 65_535, to: 65_537 },
      { from: 131_071, to: 131_071 },
      { from: 200_001, to: 399_999 },
    ],
  )
  for (const value of missing) set.add(value)
  assert.deepEqual([...set.missingUpTo(200_000)], [])
  assert.equal(set.add(70_000), false)
})

test('a number out of all proportion, as a forged record may have it, costs no time', () => {
  const set = new SequenceSet()
  for (const value of [1, 2, 3, Number.MAX_SAFE_INTEGER]) set.add(value)
  assert.deepEqual([...set.missingUpTo(Number.MAX_SAFE_INTEGER)], [{ from: 4, to: Number.MAX_SAFE_INTEGER - 1 }])
})

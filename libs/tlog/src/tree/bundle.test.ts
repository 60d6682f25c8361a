import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadBundle, decodeBundle, encodeBundle, maxEntryBytes } from './bundle.ts'

test('entries of every length come back, and where they begin', () => {
  const entries = [0, 1, 255, 256, 65_535].map((length) => Buffer.alloc(length, length))
  const bundle = encodeBundle(entries)
  assert.deepEqual([...bundle.subarray(0, 5)], [0, 0, 0, 1, 1])
  const decoded = decodeBundle(bundle, entries.length)
  assert.deepEqual(
    decoded.map(({ entry }) => entry),
    entries,
  )
  assert.deepEqual(
    decoded.map(({ offset }) => offset),
    [0, 2, 5, 262, 520],
  )
})

test('an entry over the limit is refused', () => {
  assert.throws(() => encodeBundle([Buffer.alloc(maxEntryBytes + 1)]), /65536 bytes is too long/)
})

test('a bundle that is cut at any byte, or longer than it says, is refused with the place', () => {
  const bundle = encodeBundle([Buffer.from('one'), Buffer.from('two')])
  for (let length = 0; length < bundle.length; length++) {
    assert.throws(
      () => decodeBundle(bundle.subarray(0, length), 2),
      (error: BadBundle) => error instanceof BadBundle && error.place === (length < 5 ? 0 : 1),
    )
  }
  assert.throws(() => decodeBundle(bundle, 1), /5 bytes follow its 1 entries/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BatchLimits, cutBatch } from './cut-batch.ts'
import { type ExportedRecord, openEntry } from './open-entry.ts'

/** A log of entries of so many characters, which says what was read of it. */
function logOf(lengths: readonly number[], character = 'x') {
  const asked: [from: number, count: number][] = []
  const entries = lengths.map((length, index) => {
    const record = { storedAt: '2026-11-28T00:00:00.000Z', padding: character.repeat(length) }
    return { tenant: 'acme', index, text: JSON.stringify({ record }), place: { index, offset: 0, bytes: 0 } }
  })
  return {
    asked,
    read(from: number, count: number) {
      asked.push([from, count])
      return Promise.resolve(entries.slice(from, from + count))
    },
  }
}

const limits: BatchLimits = { records: 100, bytes: 1000, afterMs: 0 }
const all = { open: openEntry, matches: () => true }
const indexes = (cut: { records: ExportedRecord[] } | undefined) => cut?.records.map(({ index }) => index)

test('R26: a batch has so many bytes at most, counted as UTF-8, and one record at least', async () => {
  for (const [lengths, character, expected] of [
    [[300, 300, 300], 'x', [0, 1]],
    [[300, 300, 300], 'ü', [0]],
    [[5000, 10, 10], 'x', [0]],
    [[10, 5000, 10], 'x', [0]],
    [[10, 10, 10], 'x', [0, 1, 2]],
  ] as const) {
    const cut = await cutBatch(logOf(lengths, character), 0, undefined, limits, all)
    assert.deepEqual([indexes(cut), cut?.isHeavy], [expected, expected.length < 3])
  }
  assert.equal(await cutBatch(logOf([]), 0, undefined, limits, all), undefined)
})

test('R26: a batch is cut the same however it is read, and a batch that was begun is cut to its end', async () => {
  const lengths = [...Array.from({ length: 40 }, (_, place) => 10 + place), 600, 5000, 5000, 600]
  for (let from = 0; from < lengths.length;) {
    const cuts = [1, 3, Infinity].map((step) => cutBatch(logOf(lengths), from, undefined, limits, { ...all, step }))
    const [first, ...others] = await Promise.all(cuts)
    for (const other of others) assert.deepEqual(other, first)
    const again = await cutBatch(logOf(lengths), from, first!.last, { ...limits, bytes: 1, records: 1 }, all)
    assert.deepEqual(indexes(again), indexes(first))
    from = first!.last + 1
  }
})

test('R26: where records are large, few are read that are not sent', async () => {
  const log = logOf(Array.from({ length: 100 }, () => 800))
  const cut = await cutBatch(log, 10, undefined, limits, { ...all, step: 1 })
  assert.deepEqual(indexes(cut), [10])
  assert.deepEqual(log.asked, [
    [10, 1],
    [11, 2],
  ])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { without } from './check-records.ts'
import type { Run } from './sequence-set.ts'

/** Runs of the numbers up to 30 that pass. */
function runsOf(passes: (value: number) => boolean): Run[] {
  const runs: Run[] = []
  for (let value = 1; value <= 30; value++) {
    if (!passes(value)) continue
    const last = runs.at(-1)
    if (last?.to === value - 1) last.to = value
    else runs.push({ from: value, to: value })
  }
  return runs
}

test('runs without others are what is in the first and in none of the second, however they overlap', () => {
  let seed = 1
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let round = 0; round < 2000; round++) {
    const inRuns = new Set(Array.from({ length: random(25) }, () => 1 + random(30)))
    const runs = runsOf((value) => inRuns.has(value))
    const out = Array.from({ length: random(6) }, () => {
      const from = 1 + random(30)
      return { from, to: from + random(8) }
    })
    const isOut = (value: number) => out.some(({ from, to }) => from <= value && value <= to)
    assert.deepEqual(
      [...without(runs, out)].flatMap(({ from, to }) =>
        Array.from({ length: to - from + 1 }, (_, place) => from + place),
      ),
      [...inRuns].filter((value) => !isOut(value)).toSorted((a, b) => a - b),
      JSON.stringify({ runs, out }),
    )
  }
})

test('half a million gaps that were told of are taken out of as many in one pass', () => {
  const runs = Array.from({ length: 500_000 }, (_, place) => ({ from: 2 * place + 1, to: 2 * place + 1 }))
  assert.deepEqual([...without(runs, runs.toReversed())], [])
})

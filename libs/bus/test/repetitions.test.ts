import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Repeated, Repetitions } from '@countersign/bus'

type Told = [id: string, count: number, addresses: number]

/** Repetitions on a clock of their own, and what they told. */
function counted(t: TestContext, maxCounted?: number) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const told: Told[] = []
  const all: Repeated[] = []
  const repetitions = new Repetitions<{ id: string }>({
    windowMs: 1000,
    ...(maxCounted === undefined ? {} : { maxCounted }),
    tell: ({ id }, times) => {
      all.push(times)
      told.push([id, times.count, times.addresses.length])
    },
  })
  return { told, all, repetitions }
}

test('R23: the first is told at once, what follows together when the window ends, and a quiet window ends it', (t) => {
  const { told, all, repetitions } = counted(t)
  for (let time = 0; time < 10_000; time++) repetitions.saw({ id: 'a' }, { address: `10.0.${time % 250}.1` })
  repetitions.saw({ id: 'b' }, { address: 'x', target: 't'.repeat(1000), records: 7 })
  assert.deepEqual(told.splice(0), [
    ['a', 1, 1],
    ['b', 1, 1],
  ])
  t.mock.timers.tick(1000)
  assert.deepEqual(told.splice(0), [['a', 9999, 20]])
  repetitions.saw({ id: 'a' }, { address: 'x' })
  assert.deepEqual(told.splice(0), [], 'it goes on being counted')
  repetitions.saw({ id: 'b' }, { address: 'x' })
  assert.deepEqual(told.splice(0), [['b', 1, 1]], 'a window later it is new again')
  t.mock.timers.tick(1000)
  assert.deepEqual(told.splice(0), [['a', 1, 1]])
  assert.deepEqual([all[1]!.records, all[1]!.targets], [7, ['t'.repeat(256)]])
  assert.deepEqual([all[2]!.since, all[2]!.until], ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:01.000Z'])
})

test('R23: what a name is cut to is a text: no half of a character is left at its end', (t) => {
  const { all, repetitions } = counted(t)
  repetitions.saw({ id: 'a' }, { address: 'x', target: `${'t'.repeat(255)}\u{1f600}` })
  assert.deepEqual(all[0]!.targets, [`${'t'.repeat(255)}\ufffd`])
})

test('R23: what is counted at once is bounded, and nothing that was counted is forgotten', (t) => {
  const { told, repetitions } = counted(t, 2)
  for (let time = 0; time < 2; time++) for (const id of ['a', 'b']) repetitions.saw({ id }, { address: 'x' })
  repetitions.saw({ id: 'c' }, { address: 'x' })
  repetitions.stop()
  assert.deepEqual(
    told.toSorted(([one], [other]) => one.localeCompare(other)),
    [
      ['a', 1, 1],
      ['a', 1, 1],
      ['b', 1, 1],
      ['b', 1, 1],
      ['c', 1, 1],
    ],
  )
})

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { type TestContext, test } from 'node:test'
import { Share, type ShareLimits } from './share.ts'

/** A share on a clock of the test's own. */
function shareOf(t: TestContext, limits: Partial<ShareLimits>) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const share = new Share({ perSecond: 50, maxWaiting: 100, maxWaitMs: 1000, ...limits }, () => now)
  const turns: { name: string; atMs: number; hasTurn: boolean }[] = []
  return {
    share,
    /** What was answered to whom, and when. */
    turns,
    async take(name: string, signal?: AbortSignal) {
      const hasTurn = await share.take(signal)
      turns.push({ name, atMs: now, hasTurn })
    },
    /** Time passes, and timers are late. */
    oversleep(ms: number) {
      now += ms
    },
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed++) {
        now += 1
        t.mock.timers.tick(1)
        await setImmediate()
      }
    },
  }
}
const names = (turns: { name: string }[]) => turns.map(({ name }) => name)

test('calls above the share have their turns one by one, in the order they came', async (t) => {
  const { turns, take, pass } = shareOf(t, {})
  const asked = Array.from({ length: 40 }, (_, index) => String(index))
  for (const name of asked) void take(name)
  await pass(0)
  await setImmediate()
  assert.deepEqual(names(turns), asked.slice(0, 10), 'a fifth of a second at once')
  await pass(999)
  assert.deepEqual(names(turns), asked)
  assert.deepEqual(
    turns.map(({ atMs }) => atMs),
    asked.map((_, index) => Math.max(0, (index - 9) * 20)),
  )
})

test('whoever comes while others wait does not go before them, nor when the share is there already', async (t) => {
  const { turns, take, pass, oversleep } = shareOf(t, { perSecond: 1, maxWaitMs: 10_000 })
  await take('first')
  void take('second')
  oversleep(1000)
  void take('third')
  await pass(3000)
  assert.deepEqual(
    turns.map(({ name, hasTurn }) => [name, hasTurn]),
    [
      ['first', true],
      ['second', true],
      ['third', true],
    ],
  )
})

test('of what is not used a fifth of a second is kept', async (t) => {
  const { turns, take, pass } = shareOf(t, { perSecond: 50, maxWaiting: 0 })
  await pass(10_000)
  for (let call = 0; call < 50; call++) await take('one of many')
  assert.equal(turns.filter(({ hasTurn }) => hasTurn).length, 10)
})

test('as many as may wait do, and the others have no turn; who waited in vain or withdrew makes room', async (t) => {
  const { share, turns, take, pass } = shareOf(t, { perSecond: 0.1, maxWaiting: 2 })
  const withdrawal = new AbortController()
  await take('let in')
  void take('waits')
  void take('withdraws', withdrawal.signal)
  assert.equal(share.isFull, true)
  await take('too many')
  assert.deepEqual(names(turns), ['let in', 'too many'])
  withdrawal.abort()
  await setImmediate()
  assert.equal(share.isFull, false)
  void take('takes its place')
  assert.equal(share.isFull, true)
  await pass(1000)
  assert.equal(share.isFull, false)
  assert.deepEqual(
    turns.map(({ name, atMs, hasTurn }) => [name, atMs, hasTurn]),
    [
      ['let in', 0, true],
      ['too many', 0, false],
      ['withdraws', 0, false],
      ['waits', 1000, false],
      ['takes its place', 1000, false],
    ],
  )
  // What was withdrawn before it waited never waits.
  await take('late', withdrawal.signal)
  assert.equal(turns.at(-1)!.hasTurn, false)
})

test('a timer that is late loses no turn of a small share', async (t) => {
  const { turns, take, pass, oversleep } = shareOf(t, { perSecond: 5, maxWaitMs: 100_000 })
  for (let call = 0; call < 100; call++) void take(String(call))
  for (let quarter = 0; quarter < 40; quarter++) {
    await pass(190)
    oversleep(60)
  }
  await pass(200)
  assert.equal(turns.length, 52, 'the first one, and five a second for 10.2 s')
})

test('what a share holds more while calls wait is not kept when they are gone', async (t) => {
  const { turns, take, oversleep } = shareOf(t, { perSecond: 1, maxWaitMs: 10_000 })
  const withdrawal = new AbortController()
  await take('let in')
  void take('withdraws', withdrawal.signal)
  oversleep(5000)
  void take('withdraws too', withdrawal.signal)
  withdrawal.abort()
  await setImmediate()
  await take('has what is kept')
  void take('waits')
  await setImmediate()
  assert.deepEqual(names(turns), ['let in', 'withdraws', 'withdraws too', 'has what is kept'])
})

test('nobody is told to wait longer than for those who wait to be gone, and one turn', async (t) => {
  const { share, take } = shareOf(t, { perSecond: 5 })
  for (let call = 0; call < 20; call++) void take(String(call))
  assert.equal(share.nextInMs, 1200)
})

test('how long one more would have to wait counts those who wait already', async (t) => {
  const { share, take, pass } = shareOf(t, { perSecond: 2 })
  assert.equal(share.nextInMs, 0)
  await take('let in')
  assert.equal(share.nextInMs, 500)
  void take('waits')
  assert.equal(share.nextInMs, 1000)
  await pass(100)
  assert.equal(share.nextInMs, 900)
})

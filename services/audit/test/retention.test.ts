import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callIdFromKey, parseCallSubject } from '@countersign/contracts'
import { type Cleanup, type TestBus, startTestBus, until } from '@countersign/testing'
import { sealAll } from '../src/record/seal.ts'
import { calls } from '../src/record/record-source.ts'
import { StreamEpoch } from '../src/record/stream-epoch.ts'
import { keyedMs, retentionTimes, timesAt } from '../src/retention/purge-due.ts'
import { Retention } from '../src/retention/retention.ts'
import { auditFolder, callWriter, openTestLog } from './harness.ts'

const graceMs = 600_000

type Work = () => Promise<void>

/** Retention over a real stream, with a clock that is set by hand. */
async function retaining(t: Cleanup, testBus: TestBus) {
  const bus = await testBus.connect('audit')
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  let purges = 0
  let [between, beforeTold]: (Work | undefined)[] = []
  const counting = {
    newestOf: bus.newestOf.bind(bus),
    readStream: async (...[stream, fromSeq, limits]: Parameters<typeof bus.readStream>) => {
      await between?.()
      return bus.readStream(stream, fromSeq, between ? { ...limits, maxMessages: 7 } : limits)
    },
    purge: (...what: Parameters<typeof bus.purge>) => {
      purges += 1
      return bus.purge(...what)
    },
  }
  const clock = { ms: Date.now() }
  const epoch = new StreamEpoch(bus, log, 'CALLS')
  const make = async () => {
    const retention = new Retention({
      bus: counting,
      epoch,
      times: retentionTimes(graceMs),
      everyMs: 1000,
      now: () => clock.ms,
      onPurged: () => {},
      onProblem: (error) => assert.fail(String(error)),
    })
    await retention.open()
    return retention
  }
  let retention = await make()
  return {
    clock,
    seal: () =>
      sealAll({
        source: calls,
        bus,
        epoch,
        append: async (records) => {
          const sealed = await log.append(records)
          await beforeTold?.()
          return sealed
        },
        onSealed: (sealed) => retention.sealed(sealed),
        onGap: (gap) => assert.fail(JSON.stringify(gap)),
      }),
    purge: () => retention.purge(),
    restart: async () => void (retention = await make()),
    waiting: () => retention.waiting,
    purges: () => purges,
    /** Does something before each page of what was there is read, and makes pages short. */
    betweenPages: (work?: Work) => void (between = work),
    /** Does something when events are sealed and retention has not been told of it. */
    beforeTold: (work?: Work) => void (beforeTold = work),
    /** The events that are left of each call. */
    left: async () => {
      const { subjects } = await bus.streamInfo('CALLS', 'calls.>')
      const left: Record<string, string> = {}
      for (const subject of Object.keys(subjects).toSorted()) {
        const { callId, event } = parseCallSubject(subject)!
        left[callId] = left[callId] === undefined ? event : `${left[callId]} ${event}`
      }
      return left
    },
  }
}

test('I8: a call is purged after its grace, whole, and neither an open nor an unsealed one is', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  const executor = await testBus.connect('agent-executor')
  const [ended, open, unknown] = [await writer.request(), await writer.request(), await writer.request()]
  await writer.deny(ended)
  await writer.write(executor, unknown.at, 'dispatched')
  await writer.write(executor, unknown.at, 'unknown')
  await kept.seal()
  const unsealed = await writer.request()
  await writer.deny(unsealed)
  const before = await kept.left()
  kept.clock.ms = Date.now() + graceMs - 5000
  await kept.purge()
  assert.deepEqual(await kept.left(), before)
  kept.clock.ms = Date.now() + 10 * graceMs
  await kept.purge()
  const { [ended.at.callId]: gone, ...rest } = before
  assert.equal(gone, 'denied requested')
  assert.deepEqual(await kept.left(), rest)

  // An operator's ruling ends it; the others stay as they are.
  await writer.write(writer.policy, unknown.at, 'resolved')
  await kept.seal()
  kept.clock.ms = Date.now() + 2 * graceMs
  await kept.purge()
  assert.deepEqual(await kept.left(), { [open.at.callId]: 'requested' })
})

test('the final event of a call with an idempotency key stays for a day', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  const keyed = await writer.request({ callId: callIdFromKey('default', 'agent', 'k') })
  await writer.deny(keyed)
  const others = await Promise.all([1, 2, 3].map(() => writer.request()))
  await Promise.all(others.map((call) => writer.deny(call)))
  await kept.seal()
  for (const restart of [false, true]) {
    if (restart) await kept.restart()
    kept.clock.ms = Date.now() + 2 * graceMs + (restart ? 2 * graceMs : 0)
    await kept.purge()
    assert.deepEqual(await kept.left(), { [keyed.at.callId]: 'denied' })
    assert.equal(kept.waiting(), 1)
  }
  kept.clock.ms += keyedMs - 5 * graceMs
  await kept.purge()
  assert.deepEqual(await kept.left(), { [keyed.at.callId]: 'denied' })
  kept.clock.ms += 4 * graceMs
  await kept.purge()
  assert.deepEqual(await kept.left(), {})
  // Asked again after that, it is a new call, which nothing from before takes away.
  await writer.write(writer.gateway, keyed.at, 'requested')
  await kept.seal()
  kept.clock.ms += 100 * graceMs
  await kept.purge()
  assert.deepEqual(await kept.left(), { [keyed.at.callId]: 'requested' })
})

test('I12: however often audit starts, a call stays as long as it would have', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  const keyed = await writer.request({ callId: callIdFromKey('default', 'agent', 'k') })
  const plain = await writer.request()
  await Promise.all([keyed, plain].map((call) => writer.deny(call)))
  await kept.seal()
  const begunMs = Date.now()
  const startedAt = async (sinceMs: number) => {
    kept.clock.ms = begunMs + sinceMs
    await kept.restart()
    await kept.purge()
    return kept.left()
  }
  const whole = 'denied requested'
  assert.deepEqual(await startedAt(graceMs / 2), { [keyed.at.callId]: whole, [plain.at.callId]: whole })
  assert.deepEqual(await startedAt(2 * graceMs), { [keyed.at.callId]: 'denied' })
  assert.deepEqual(await startedAt(keyedMs / 2), { [keyed.at.callId]: 'denied' })
  assert.deepEqual(await startedAt(keyedMs - graceMs), { [keyed.at.callId]: 'denied' })
  assert.deepEqual(await startedAt(keyedMs + graceMs), {})
})

test('I8, I12: what is sealed while audit reads what had been is known as well, once, and what is not stays', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  let calls = 50
  const ended = async () => writer.deny(await writer.request())
  await Promise.all(Array.from({ length: calls }, ended))
  await kept.seal()
  const unsealed = await writer.request()
  await kept.restart()
  let sealing = Promise.resolve()
  kept.betweenPages(async () => {
    if (calls++ === 50) await writer.deny(unsealed)
    else await ended()
    // Neither waited for, nor every time.
    if (calls % 3 > 0) sealing = sealing.then(kept.seal)
  })
  const someRead = async () => {
    await kept.purge()
    return calls > 60
  }
  await until(someRead, 'some pages are read')
  kept.betweenPages()
  await sealing
  await kept.seal()
  await kept.purge()
  assert.equal(kept.waiting(), calls)
  await kept.restart()
  await ended()
  kept.beforeTold(() => kept.purge())
  await kept.seal()
  kept.beforeTold()
  assert.equal(kept.waiting(), calls + 1)
  const open = await writer.request()
  await kept.seal()
  const late = await writer.request()
  await writer.deny(late)
  kept.clock.ms = Date.now() + 2 * graceMs
  const staying = { [open.at.callId]: 'requested', [late.at.callId]: 'denied requested' }
  await kept.purge()
  assert.deepEqual(await kept.left(), staying)
  await kept.restart()
  await kept.purge()
  assert.deepEqual(await kept.left(), staying)
  assert.equal(kept.waiting(), 0)
})

test('I12: what had ended before a restart is found in the stream and purged after its grace', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  const calls = await Promise.all(Array.from({ length: 20 }, () => writer.request()))
  await Promise.all(calls.slice(0, 12).map((call) => writer.deny(call)))
  await kept.seal()
  await kept.restart()
  await Promise.all(calls.slice(12, 18).map((call) => writer.deny(call)))
  await kept.seal()
  kept.clock.ms = Date.now() + 2 * graceMs
  await kept.purge()
  const open = calls.slice(18).map(({ at }) => [at.callId, 'requested'])
  assert.deepEqual(await kept.left(), Object.fromEntries(open))
})

test('calls that come and go quickly are purged together, with few requests', async (t) => {
  const testBus = await startTestBus(t)
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  await Promise.all(Array.from({ length: 300 }, () => writer.request().then((call) => writer.deny(call))))
  await kept.seal()
  const open = await writer.request()
  await kept.seal()
  kept.clock.ms = Date.now() + 2 * graceMs
  await kept.purge()
  assert.deepEqual(await kept.left(), { [open.at.callId]: 'requested' })
  assert.equal(kept.purges(), 1)
  // The open call now stands in the way of those after it, which go one by one.
  await Promise.all(Array.from({ length: 40 }, () => writer.request().then((call) => writer.deny(call))))
  await kept.seal()
  await kept.purge()
  assert.deepEqual(await kept.left(), { [open.at.callId]: 'requested' })
  assert.equal(kept.purges(), 41)
  assert.equal(kept.waiting(), 0)
})

test('I7: a grace becomes the shorter the less room there is for new calls, and never so short that nobody reads how a call ended', () => {
  const times = retentionTimes(graceMs)
  const graceAt = (share: number) => Math.round(timesAt(times, { bytes: share * 1000, maxBytes: 1000 }).graceMs)
  // New calls are refused from 0.4 of the budget on.
  assert.deepEqual([0, 0.24, 0.32, 0.36, 0.4, 0.9].map(graceAt), [graceMs, graceMs, 300_000, 150_000, 30_000, 30_000])
  assert.deepEqual(timesAt(times, { bytes: 1e9, maxBytes: -1 }), times)
  assert.equal(timesAt(retentionTimes(5000), { bytes: 1000, maxBytes: 1000 }).graceMs, 5000)
})

test('I7, I8: calls that ended within their grace go when they fill the room for new calls', async (t) => {
  const testBus = await startTestBus(t, { callsMaxBytes: 4_000_000 })
  const writer = await callWriter(testBus)
  const kept = await retaining(t, testBus)
  const stored: Awaited<ReturnType<typeof writer.request>>[] = []
  const full = async () => {
    for (;;) {
      const one = await writer.request().catch(() => undefined)
      if (!one) return
      await writer.deny(one)
      stored.push(one)
    }
  }
  await full()
  await kept.seal()
  kept.clock.ms = Date.now() + 60_000
  await kept.purge()
  assert.deepEqual(await kept.left(), {})
  await until(
    () =>
      writer.request().then(
        () => true,
        () => false,
      ),
    'calls are taken again',
  )
})

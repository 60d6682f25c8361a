import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Bus } from '@countersign/bus'
import { createLogger } from '@countersign/telemetry'
import { serverEntryFixture, startTestBus, until } from '@countersign/testing'
import { ServerQueues } from '../src/upstream/server-queues.ts'

const log = createLogger('test', 'fatal')
const entry = (concurrency: number) => serverEntryFixture('one', 'http://127.0.0.1:1', {}, { concurrency })

/** Queues on a real bus, on which opening one may be made to fail; what is consumed is counted. */
async function setUp(t: TestContext) {
  let queues: ServerQueues | undefined
  // Hooks run in the order they are added: queues end while their bus is there.
  t.after(() => queues?.stop())
  const { connect } = await startTestBus(t)
  const bus = await connect('agent-executor')
  const ensureConsumer = bus.ensureConsumer.bind(bus)
  const consume = bus.consume.bind(bus)
  const seen = { ensured: 0, opened: [] as number[], stopped: 0 }
  /** Settles the first opening. */
  const first = Promise.withResolvers<void>()
  bus.ensureConsumer = async (...args: Parameters<Bus['ensureConsumer']>) => {
    seen.ensured += 1
    if (seen.ensured === 1) await first.promise
    return ensureConsumer(...args)
  }
  bus.consume = (options) => {
    seen.opened.push(options.maxInFlight)
    const consumption = consume(options)
    return { stop: () => ((seen.stopped += 1), consumption.stop()) }
  }
  const timers = t.mock.method(globalThis, 'setTimeout')
  /** Rings the timers that retry, whether their time has come or not. */
  const retry = () => {
    for (const { arguments: args } of timers.mock.calls) if (args[1] === 1000) args[0]()
  }
  const isRetried = () => timers.mock.calls.some(({ arguments: args }) => args[1] === 1000)
  queues = new ServerQueues(bus, log, async () => {})
  return { queues, seen, first, retry, isRetried }
}

test('a queue that could not be opened does not take away the one that was opened after it', async (t) => {
  const { queues, seen, first, retry } = await setUp(t)
  queues.apply('one', entry(1))
  await until(() => seen.ensured === 1, 'the first is being opened')
  queues.apply('one', entry(2))
  first.reject(new Error('no answer'))
  await until(() => seen.opened.length > 0, 'a queue is open')
  retry()
  queues.apply('one', entry(2))
  await queues.stop()
  assert.deepEqual([seen.opened, seen.stopped], [[2], 1])
})

test('a queue that could not be opened is opened later, and not after the executor stopped', async (t) => {
  const { queues, seen, first, retry, isRetried } = await setUp(t)
  queues.apply('one', entry(1))
  first.reject(new Error('no answer'))
  await until(isRetried, 'it is to be tried again')
  await queues.stop()
  retry()
  queues.apply('one', entry(1))
  assert.equal(seen.ensured, 1)
  await queues.stop()
  assert.deepEqual(seen.opened, [])
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bus, ConsumeOptions } from '@countersign/bus'
import { type CallEvent, subjects } from '@countersign/contracts'
import { scriptedTool, until } from '@countersign/testing'
import { setUp } from './executor-world.ts'

const readOnly = { readOnlyHint: true }
/** No test lasts as long. */
const foreverMs = 600_000
/** After that an executor asks whether what it claimed is still its own. */
const claimIsOldMs = 1100

/** Changes how an executor consumes. */
function consumeAs(bus: Bus, change: (options: ConsumeOptions) => Partial<ConsumeOptions>): void {
  const consume = bus.consume.bind(bus)
  bus.consume = (options) => consume({ ...options, ...change(options) })
}

/** Keeps nothing alive, as if the bus had been away for an ack wait, and takes no more than so many calls. */
function cutOff(bus: Bus, maxInFlight: number): void {
  consumeAs(bus, () => ({ maxInFlight, ackWaitMs: foreverMs }))
}

/** Answers nobody who asks what it has in hand. */
function deafen(bus: Bus): void {
  const listen = bus.listen.bind(bus)
  bus.listen = (subject, handler) => (subject.endsWith('.asked') ? { stop() {} } : listen(subject, handler))
}

/** Counts how an executor's deliveries end. */
function countEnds(bus: Bus) {
  const ends = { refused: 0, acknowledged: 0 }
  consumeAs(bus, ({ handler }) => ({
    handler: (delivery) =>
      handler(delivery).then(
        () => void (ends.acknowledged += 1),
        (error: unknown) => {
          ends.refused += 1
          throw error
        },
      ),
  }))
  return ends
}

/** Executors that stand still once they have stored a claim, as a process that is stopped, until they go on; at the latest when the test ends. */
function pauses(t: TestContext) {
  const { promise, resolve: goOn } = Promise.withResolvers<void>()
  // Before the world is set up: its executors end their calls before it goes.
  t.after(() => goOn())
  const seen = { claimed: false }
  const pauseAfterClaim = (bus: Bus) => {
    cutOff(bus, 1)
    deafen(bus)
    const publishEvent = bus.publishEvent.bind(bus)
    bus.publishEvent = async (...args) => {
      const stored = await publishEvent(...args)
      if (args[1] === 'dispatched') {
        seen.claimed = true
        await promise
      }
      return stored
    }
  }
  return { seen, goOn, pauseAfterClaim }
}

test('I5, I6: what an executor has in hand is not taken from it when its message goes to another one', async (t) => {
  const tools = [scriptedTool('hang'), scriptedTool('hang-read', readOnly)]
  const { connect, upstream, startExecutor, allow, ended } = await setUp(t, tools, { callTimeoutMs: 60_000 })
  const first = await connect('agent-executor')
  cutOff(first, 2)
  await startExecutor(first)
  const calls = [await allow('hang'), await allow('hang-read')]
  await until(() => upstream.calls.length === 2, 'both are at the tool')
  const second = await connect('agent-executor')
  const refused = new Map<string, number>()
  consumeAs(second, ({ handler }) => ({
    handler: (delivery) =>
      handler(delivery).catch((error: unknown) => {
        refused.set(delivery.subject, (refused.get(delivery.subject) ?? 0) + 1)
        throw error
      }),
  }))
  await startExecutor(second)
  await until(() => refused.size === 2 && [...refused.values()].every((n) => n > 1), 'the second asked for each, twice')
  upstream.release()
  for (const { call } of calls)
    assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'succeeded'])
  assert.equal(upstream.calls.length, 2)
})

test('I5: an executor that lives and has not got the call it claimed is not waited for', async (t) => {
  const { connect, upstream, startExecutor, allow, claimAs, ended } = await setUp(t, [scriptedTool('echo')])
  const first = await connect('agent-executor')
  consumeAs(first, () => ({ maxInFlight: 0 }))
  const { executor } = await startExecutor(first)
  const { call, seq } = await allow('echo')
  await claimAs(executor, { call, seq })
  await startExecutor()
  assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'unknown'])
  assert.equal(upstream.calls.length, 0)
})

test('I6: an executor that was paused after its claim sends nothing once another one has said unknown', async (t) => {
  const { seen, goOn, pauseAfterClaim } = pauses(t)
  const { connect, upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
  const bus = await connect('agent-executor')
  pauseAfterClaim(bus)
  const ends = countEnds(bus)
  await startExecutor(bus)
  const { call } = await allow('echo')
  await until(() => seen.claimed, 'the call is claimed')
  await startExecutor()
  assert.deepEqual((await ended(call)).names, ['requested', 'allowed', 'dispatched', 'unknown'])
  goOn()
  await until(() => ends.refused + ends.acknowledged > 0, 'the paused executor is done with it')
  assert.equal(upstream.calls.length, 0)
})

test('I5: an executor that lost its call to one that died then does not acknowledge it', async (t) => {
  const { seen, pauseAfterClaim } = pauses(t)
  const tools = [scriptedTool('hang', readOnly)]
  const { connect, upstream, startExecutor, allow, ended } = await setUp(t, tools, { callTimeoutMs: 60_000 })
  const [first, second] = await Promise.all([connect('agent-executor'), connect('agent-executor')])
  cutOff(first, 1)
  deafen(first)
  const ends = countEnds(first)
  await startExecutor(first)
  const { call } = await allow('hang')
  await until(() => upstream.calls.length === 1, 'the first has sent it')
  pauseAfterClaim(second)
  await startExecutor(second)
  await until(() => seen.claimed, 'the second has claimed it')
  upstream.release()
  await until(() => ends.refused + ends.acknowledged > 0, 'the first is done with it')
  assert.equal(ends.acknowledged, 0)
  await until(() => upstream.calls.length === 2, 'it is sent again')
  upstream.release()
  const { names } = await ended(call)
  assert.deepEqual(names, ['requested', 'allowed', 'dispatched', 'dispatched', 'dispatched', 'succeeded'])
})

for (const [why, code] of [
  ['its caller withdraws it', 'cancelled'],
  ['its executor stops', 'upstream_unreachable'],
] as const) {
  test(`a claimed call that nobody knows to be this executor's still ends, unsent, when ${why}`, async (t) => {
    const { seen, goOn, pauseAfterClaim } = pauses(t)
    const { connect, gateway, upstream, startExecutor, allow, ended } = await setUp(t, [scriptedTool('echo')])
    const bus = await connect('agent-executor')
    pauseAfterClaim(bus)
    const { stop } = await startExecutor(bus)
    const { call } = await allow('echo')
    await until(() => seen.claimed, 'the call is claimed')
    await pause(claimIsOldMs)
    let asked = 0
    bus.history = () => {
      asked += 1
      return Promise.reject(new Error('the bus does not tell'))
    }
    goOn()
    await until(() => asked > 1, 'it asks again whether the call is its own')
    if (code === 'cancelled') gateway.hint(subjects.midcall('gateway', call.callId, 'up'), new Uint8Array())
    else await stop()
    const { names, final } = await ended(call)
    assert.deepEqual(names, ['requested', 'allowed', 'dispatched', 'failed'])
    assert.equal((final.event as CallEvent<'failed'>).data.error.code, code)
    assert.equal(upstream.calls.length, 0)
  })
}

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type CallAddress, newCallId, subjects } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { HoldSweep } from '../src/approval/hold-sweep.ts'
import type { PolicyContext } from '../src/call/context.ts'
import { cancelled } from './cancel.ts'
import { policyText } from './fixtures.ts'
import { ops, startWorld, untilState, type World } from './policy-world.ts'

const often = { everyMs: 5, lateMs: 0 }
const onlyAtStart = { everyMs: 3_600_000, lateMs: 0 }
const holdingFor = (expiresAfter: string) => ({
  'a.yaml': ops.replace('quorum: 2', `quorum: 1, expiresAfter: ${expiresAfter}`),
})

/** Has a call held. */
async function hold(world: World, args = {}) {
  const { at, event } = await world.request(args, { tool: 'write_file' })
  const { approval } = (await untilState(world.gateway, at, 'held')).find('held')!.data
  return { at, event, expiresAt: Date.parse(approval.expiresAt) }
}

/** Takes all alarms away, as when `TIMERS` is lost. */
async function loseAlarms(world: World): Promise<void> {
  const provisioner = await world.connect('provisioner')
  await provisioner.purge('TIMERS', {})
  assert.deepEqual((await provisioner.streamInfo('TIMERS', subjects.allTimers)).subjects, {})
}

test('I5: holds whose alarms are lost expire all the same, each when its time is over', async (t) => {
  const world = await startWorld(t, holdingFor('3s'), {}, often)
  await Promise.all([world.start(), world.start()])
  const held = [await hold(world), await hold(world)]
  await loseAlarms(world)
  for (const { at, expiresAt } of held) {
    const denied = (await untilState(world.gateway, at, 'denied')).find('denied')!
    assert.equal(denied.data.reason.code, 'expired')
    assert.ok(Date.parse(denied.time) >= expiresAt)
  }
})

test('I5, I12: a hold whose alarm was lost while policy was away expires when it is back', async (t) => {
  const world = await startWorld(t, holdingFor('3s'), {}, onlyAtStart)
  const first = await world.start()
  const { at, expiresAt } = await hold(world)
  await first.stop()
  await loseAlarms(world)
  await until(() => Date.now() > expiresAt, 'the hold is over')
  await loseAlarms(world)
  assert.equal((await world.gateway.history(at)).state, 'held')
  await world.start()
  assert.equal((await untilState(world.gateway, at, 'denied')).find('denied')!.data.reason.code, 'expired')
})

test('I5: when a hold ends is read once, and a call that ended is looked at once, however many rounds there are', async (t) => {
  const brief = 'name: brief, when: "args.brief == true", effect: hold, approval: { groups: [sre], expiresAfter: 3s }'
  const world = await startWorld(t, { 'ops.yaml': ops, 'brief.yaml': policyText('brief', [brief]) }, {}, often)
  const bus = await world.connect('policy')
  const rounds = t.mock.method(bus, 'streamInfo')
  const read = t.mock.method(bus, 'newestOf')
  const looked = t.mock.method(bus, 'history')
  await world.start(bus)
  const waiting = [await hold(world), await hold(world)]
  const ended = await hold(world, { brief: true })
  const { lastSeq } = await world.gateway.history(ended.at)
  await world.gateway.publishEvent(ended.at, 'cancelled', cancelled(ended.event), lastSeq, Date.now() + 5000)
  const looks = () => looked.mock.calls.filter(({ arguments: [at] }) => at.callId === ended.at.callId).length
  await until(() => Date.now() > ended.expiresAt && looks() > 0, 'it was looked at')
  const before = rounds.mock.callCount()
  await until(() => rounds.mock.callCount() > before + 10, 'there were more rounds')
  assert.ok(looks() <= 2, 'once because of its alarm, once by the sweep')
  for (const { at } of waiting) assert.equal((await world.gateway.history(at)).state, 'held')
  for (const { at } of [...waiting, ended]) {
    const reads = read.mock.calls.filter(({ arguments: [, subject] }) => subject === subjects.call(at, 'held'))
    assert.equal(reads.length, 1)
  }
})

/** The sweep by itself, over holds whose policy has stopped. */
async function sweeping(t: TestContext, world: World) {
  const bus = await world.connect('policy')
  const told: string[] = []
  const log = { warn: (_about: object, message: string) => told.push(message) }
  Object.assign(log, { error: log.warn })
  const sweep = new HoldSweep(
    { bus, log, metrics: { decided() {} }, now: () => new Date() } as unknown as PolicyContext,
    often,
  )
  t.after(() => sweep.stop())
  return { bus, sweep, told }
}

test('I5: a held call that cannot be looked at is told of, and the others are ended', async (t) => {
  const world = await startWorld(t, holdingFor('3s'))
  const policy = await world.start()
  const [broken, late] = [await hold(world), await hold(world)]
  await policy.stop()
  await until(() => Date.now() > late.expiresAt, 'the holds are over')
  const { bus, sweep, told } = await sweeping(t, world)
  const unreadable = { tenant: 'default', server: 'files', callId: newCallId(Date.now()) }
  const data = new TextEncoder().encode('not an event')
  await bus.store({ subject: subjects.call(unreadable, 'held'), data, msgId: 'unreadable' }, Date.now() + 10_000)
  const history = bus.history.bind(bus)
  let away = true
  t.mock.method(bus, 'history', (at: CallAddress) =>
    away && at.callId === broken.at.callId ? Promise.reject(new Error('away')) : history(at),
  )
  sweep.start()
  await untilState(world.gateway, late.at, 'denied')
  await until(() => told.some((message) => message.includes('could not be looked at')), 'it is told')
  away = false
  await untilState(world.gateway, broken.at, 'denied')
  await sweep.stop()
  assert.equal(told.filter((message) => message.includes('cannot be read')).length, 1)
})

test('I5: one round at a time, also while the store hangs, and none after the end', async (t) => {
  const world = await startWorld(t)
  const { bus, sweep, told } = await sweeping(t, world)
  const [first, second] = [Promise.withResolvers<never>(), Promise.withResolvers<never>()]
  const rounds = t.mock.method(bus, 'streamInfo', () => (rounds.mock.callCount() === 0 ? first : second).promise)
  const timeForMore = async () => {
    const begun = Date.now()
    await until(() => Date.now() > begun + 20 * often.everyMs, 'there was time for more rounds')
  }
  sweep.start()
  await timeForMore()
  assert.equal(rounds.mock.callCount(), 1)
  first.reject(new Error('the store hangs'))
  await until(() => rounds.mock.callCount() === 2, 'it goes on')
  assert.deepEqual(told, ['held calls could not be listed; the next round tries again'])
  const stopped = sweep.stop()
  second.reject(new Error('the store hangs'))
  await stopped
  await timeForMore()
  assert.equal(rounds.mock.callCount(), 2)
})

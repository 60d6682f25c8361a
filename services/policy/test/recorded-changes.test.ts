import assert from 'node:assert/strict'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { encode } from '@countersign/bus'
import { PoliciesInForce, policiesKey, subjects, verbs } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { policyText } from './fixtures.ts'
import { startWorld, type World } from './policy-world.ts'

const allowing = (name: string, when = 'true') => policyText(name, [`name: all, when: "${when}", effect: allow`])

/** What is stored of changes, and what is kept with the policies. */
async function recorded(world: World) {
  const audit = await world.connect('audit')
  const bucket = await audit.bucket('policies')
  const events = async () => {
    const messages = await audit.readStream('LIFECYCLE', 1, { maxMessages: 1000, maxBytes: 1e7 })
    return messages.map(({ data }) => JSON.parse(Buffer.from(data).toString()))
  }
  const kept = async () => PoliciesInForce.parse(JSON.parse(Buffer.from((await bucket.get(policiesKey))!).toString()))
  const settled = (count: number) =>
    until(async () => {
      const [stored, { unrecorded }] = await Promise.all([events(), kept()])
      return stored.length >= count && unrecorded.length === 0 ? stored : undefined
    }, `${count} changes are recorded`)
  return { events, kept, settled, audit }
}

test('R23: a change of policies is recorded once, whatever the number of replicas, with what became of which document', async (t) => {
  const world = await startWorld(t, { 'a.yaml': allowing('a'), 'b.yaml': allowing('b') })
  const { settled, events } = await recorded(world)
  const replicas = await Promise.all([world.start(), world.start(), world.start()])
  const [first] = await settled(1)
  assert.deepEqual([first.data.revision.before, first.data.added], [null, ['a', 'b']])
  await world.writePolicy('b.yaml', allowing('b', 'tool.readOnly'))
  const revised = await settled(2)
  assert.deepEqual(
    [revised[1].data.changed, revised[1].data.added, revised[1].data.removed, revised[1].data.revision.before],
    [['b'], [], [], first.data.revision.after],
  )
  await unlink(join(world.policiesDir, 'a.yaml'))
  const [, , last] = await settled(3)
  assert.deepEqual([last.data.removed, last.data.revision.before], [['a'], revised[1].data.revision.after])
  // Each replica has taken it up by then.
  await Promise.all(replicas.map(({ stop }) => stop()))
  await world.start()
  await world.console.callApi(verbs.policy.policies, {})
  assert.equal((await events()).length, 3)
})

test('R23: a refused set is recorded with its problems, once until it changes', async (t) => {
  const world = await startWorld(t, { 'a.yaml': allowing('a') })
  const { settled, events } = await recorded(world)
  const [first, second] = await Promise.all([world.start(), world.start()])
  await world.writePolicy('a.yaml', allowing('a', 'tool.readonly'))
  const stored = await settled(2)
  assert.deepEqual(
    [stored[1].type, stored[1].data.inForce, stored[1].data.problemCount],
    ['dev.countersign.activity.policies_refused.v1', stored[0].data.revision.after, 1],
  )
  assert.match(stored[1].data.problems[0], /^a\.yaml:6:\d+: .*readonly/)
  await Promise.all([first.stop(), second.stop()])
  const third = await world.start()
  await world.writePolicy('a.yaml', allowing('a'))
  await until(async () => (await world.console.callApi(verbs.policy.policies, {})).problems.length === 0, 'mended')
  assert.equal((await events()).length, 2, 'what is in force did not change')
  await world.writePolicy('a.yaml', allowing('a', 'tool.readonly'))
  assert.equal((await settled(3))[2].data.problemCount, 1)
  await third.stop()
})

test('I12, R23: what a policy that was killed could not record, the next one records, and what it had, it does not', async (t) => {
  const world = await startWorld(t, { 'a.yaml': allowing('a') })
  const { settled, kept, events } = await recorded(world)
  const first = await world.start()
  const [stored] = await settled(1)
  await first.stop()
  const policy = await world.connect('policy')
  const bucket = await policy.bucket('policies')
  const owed = (event: object) => ({ tenant: 'default', name: 'policies_changed', event: event as never })
  // As between storing and noting that, and as before storing.
  await bucket.put(
    policiesKey,
    encode({ ...(await kept()), unrecorded: [owed(stored), owed({ ...stored, id: 'not-stored-yet' })] }),
  )
  await Promise.all([world.start(), world.start()])
  await settled(2)
  assert.deepEqual(
    (await events()).map(({ id }) => id),
    [stored.id, 'not-stored-yet'],
  )
})

test('I12, R23: of several changes that were stored before policy was killed none is stored again', async (t) => {
  const world = await startWorld(t, { 'a.yaml': allowing('a') })
  const { settled, kept, events } = await recorded(world)
  const first = await world.start()
  const [stored] = await settled(1)
  await first.stop()
  const policy = await world.connect('policy')
  // As after the stream forgot the id of the first: it is not stored under it here, so storing it would show.
  const owed = ['one', 'two', 'three'].map((id) => ({
    ...{ tenant: 'default', name: 'policies_changed', event: { ...stored, id } },
  }))
  const subject = subjects.activity('default', 'policies_changed')
  await policy.store({ subject, data: encode({ ...stored, id: 'two' }), msgId: 'two' }, Date.now() + 10_000)
  await (await policy.bucket('policies')).put(policiesKey, encode({ ...(await kept()), unrecorded: owed }))
  await world.start()
  await settled(3)
  assert.deepEqual(
    (await events()).map(({ id }) => id),
    [stored.id, 'two', 'three'],
  )
})

test('I12, R23: policy starts with what was in force when too many changes wait, and takes up the next once they are recorded', async (t) => {
  const world = await startWorld(t, { 'a.yaml': allowing('a') })
  const { settled, kept } = await recorded(world)
  const first = await world.start()
  const [stored] = await settled(1)
  await first.stop()
  const bucket = await (await world.connect('policy')).bucket('policies')
  const unrecorded = Array.from({ length: 50 }, (_, place) => ({
    ...{ tenant: 'default', name: 'policies_changed', event: { ...stored, id: `waits-${place}` } },
  }))
  await bucket.put(policiesKey, encode({ ...(await kept()), unrecorded }))
  await world.writePolicy('b.yaml', allowing('b'))
  await world.start()
  assert.notEqual((await world.console.callApi(verbs.policy.policies, {})).revision, null)
  const events = await settled(52)
  assert.deepEqual(
    events.slice(1, 51).map(({ id }) => id),
    unrecorded.map(({ event }) => event.id),
  )
  assert.deepEqual([events.length, events[51].data.added], [52, ['b']])
})

test('R24: what policies redact is kept again after the bucket was lost and made anew, also when the folder is refused', async (t) => {
  const redacting = `${allowing('a')}  redact: [{ in: result, path: "$..data" }]\n`
  const world = await startWorld(t, { 'a.yaml': redacting })
  const { settled, kept } = await recorded(world)
  await world.start()
  await settled(1)
  const before = await kept()
  assert.equal(before.redactions.length, 1)
  await world.loseBucket('policies')
  assert.deepEqual(await until(kept, 'it is kept again'), before)
  await world.writePolicy('a.yaml', allowing('a', 'tool.readonly'))
  await settled(2)
  const refused = await kept()
  await world.loseBucket('policies')
  assert.deepEqual(await until(kept, 'it is kept again'), refused)
  assert.deepEqual([refused.revision, refused.redactions], [before.revision, before.redactions])
})

test('R24: what policies redact is kept with them, and when they no longer do, until when they did', async (t) => {
  const redacting = `${allowing('a')}  redact: [{ in: result, path: "$..data", tools: [read_*] }]\n`
  const world = await startWorld(t, { 'a.yaml': redacting })
  const { settled, kept } = await recorded(world)
  await world.start()
  await settled(1)
  const rule = { servers: ['*'], tenants: ['*'], tools: ['read_*'], in: 'result', path: '$..data' }
  assert.deepEqual((await kept()).redactions, [rule])
  const before = Date.now()
  await world.writePolicy('a.yaml', allowing('a'))
  await settled(2)
  const [{ until: retired, ...rest }, ...more] = (await kept()).redactions as [PoliciesInForce['redactions'][number]]
  assert.deepEqual([rest, more], [rule, []])
  assert.ok(Date.parse(retired!) >= before && Date.parse(retired!) <= Date.now())
  await world.writePolicy('a.yaml', redacting)
  await settled(3)
  assert.deepEqual((await kept()).redactions, [rule])
})

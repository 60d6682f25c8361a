import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type Carried, connectBus, LostRace, NotAcknowledged, provision, Terminal } from '@countersign/bus'
import { findNatsServer, startNatsServer } from '@countersign/bus/server'
import { callFieldsOf, makeEvent, newCallId, subjects, verbs } from '@countersign/contracts'
import { callFixture, requestedFixture, startTestBus, until } from '@countersign/testing'

const soon = () => Date.now() + 10_000
const requested = (more = {}) => makeEvent('requested', requestedFixture(more), { now: new Date() })

test('I2: a history is linear: of many writers after one event, one wins', { timeout: 60_000 }, async (t) => {
  const { connect } = await startTestBus(t)
  const [gateway, policy, policy2] = await Promise.all([connect('gateway'), connect('policy'), connect('policy')])
  for (let round = 0; round < 50; round++) {
    const event = requested()
    const { seq } = await gateway.publishEvent(event.data, 'requested', event, 0, soon())
    const write = (bus: typeof policy, distinct: string) => {
      const denied = makeEvent(
        'denied',
        { ...callFieldsOf(event.data), reason: { code: 'policy', message: distinct } },
        { now: new Date(), distinct },
      )
      return bus.publishEvent(event.data, 'denied', denied, seq, soon())
    }
    const results = await Promise.allSettled([write(policy, 'a'), write(policy2, 'b'), write(policy, 'c')])
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const result of results) if (result.status === 'rejected') assert.ok(result.reason instanceof LostRace)
    const history = await policy.history(event.data)
    assert.deepEqual(
      history.entries.map(({ name }) => name),
      ['requested', 'denied'],
    )
  }
})

/** A decision on a call, for a server that does not have what it follows. */
async function startRefused(t: TestContext, follows: number, withinMs = 60_000) {
  const { connect } = await startTestBus(t)
  const [gateway, policy] = await Promise.all([connect('gateway'), connect('policy')])
  const call = callFixture()
  const reason = { code: 'policy', message: 'no' } as const
  const denied = makeEvent('denied', { ...callFieldsOf(call), reason }, { now: new Date() })
  const stored = policy.publishEvent(call, 'denied', denied, follows, Date.now() + withinMs)
  // Whoever waits for it comes to it later.
  stored.catch(() => {})
  // A round trip on the same connection: by then the server has refused it.
  await policy.streamInfo('CALLS')
  const request = () => gateway.publishEvent(call, 'requested', requested(call), 0, soon())
  return { stored, request, namesOf: async () => (await gateway.history(call)).entries.map(({ name }) => name) }
}

test('I2, I5: a server that lacks what an event follows, as one of a cluster may, loses nobody a race: the event is stored once it has it', async (t) => {
  const { stored, request, namesOf } = await startRefused(t, 1)
  assert.equal((await request()).seq, 1)
  assert.deepEqual(await stored, { seq: 2, duplicate: false })
  assert.deepEqual(await namesOf(), ['requested', 'denied'])
})

test('I5: where it has it in vain until the deadline, another server may have stored the event', async (t) => {
  const { stored } = await startRefused(t, 7, 1000)
  await assert.rejects(stored, NotAcknowledged)
})

test('I5: what is refused for longer than a server may lead that is cut off, follows what was purged: the race was lost', async (t) => {
  const { stored } = await startRefused(t, 7)
  const now = performance.now.bind(performance)
  let looks = 0
  t.mock.method(performance, 'now', () => now() + 31_000 * looks++)
  await assert.rejects(stored, LostRace)
})

test('publishing the same event again is recognised, not stored twice', async (t) => {
  const { connect } = await startTestBus(t)
  const gateway = await connect('gateway')
  const event = requested()
  const first = await gateway.publishEvent(event.data, 'requested', event, 0, soon())
  const again = await gateway.publishEvent(event.data, 'requested', event, 0, soon())
  assert.deepEqual(again, { seq: first.seq, duplicate: true })
})

test('I7: while no server takes the event, as between two leaders, it waits, and is refused at its deadline', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-'))
  const { url, passwords, stop } = await startNatsServer({ binary: await findNatsServer(), dir, port: -1 })
  const gateway = await connectBus({ url, user: 'gateway', password: passwords.gateway })
  t.after(async () => {
    await gateway.close()
    await stop('SIGKILL')
    await rm(dir, { recursive: true })
  })
  const event = requested()
  await assert.rejects(
    gateway.publishEvent(event.data, 'requested', event, 0, Date.now() + 1000),
    /no stream that takes the event just now, so nothing was stored/,
  )
  const stored = gateway.publishEvent(event.data, 'requested', event, 0, soon())
  await provision({ url, user: 'provisioner', password: passwords.provisioner })
  assert.deepEqual(await stored, { seq: 1, duplicate: false })
})

test(
  'a flood is stored whole, in batches, and one loser in a batch hurts nobody else',
  { timeout: 60_000 },
  async (t) => {
    const { connect } = await startTestBus(t)
    const gateway = await connect('gateway')
    const taken = requested()
    await gateway.publishEvent(taken.data, 'requested', taken, 0, soon())
    const events = Array.from({ length: 400 }, () => requested())
    const rival = { ...requested({ callId: taken.data.callId }), id: 'rival' }
    const results = await Promise.allSettled(
      [...events.slice(0, 200), rival, ...events.slice(200)].map((event) =>
        gateway.publishEvent(event.data, 'requested', event, 0, soon()),
      ),
    )
    assert.deepEqual(
      results.flatMap(({ status }, index) => (status === 'rejected' ? [index] : [])),
      [200],
    )
    for (const [index, result] of results.entries()) {
      if (result.status !== 'fulfilled') continue
      const { data } = [...events.slice(0, 200), rival, ...events.slice(200)][index]!
      const history = await gateway.history(data)
      assert.equal(history.lastSeq, result.value.seq, 'each publisher is told its own sequence')
    }
  },
)

test(
  'I2: of a flood of writers of one connection for the same few calls, one a call wins',
  { timeout: 60_000 },
  async (t) => {
    const { connect } = await startTestBus(t)
    const gateway = await connect('gateway')
    const calls = Array.from({ length: 50 }, () => newCallId(Date.now()))
    // As callers do who ask again under their keys while the store is away. The first ten are asked for once: they travel alone, and a
    // batch with one of them again would be refused.
    const asked = [...calls.slice(0, 10), ...[1, 2, 3].flatMap(() => calls.slice(10))]
    const events = asked.map((callId, index) => ({ ...requested({ callId }), id: `asked-${index}` }))
    const results = await Promise.allSettled(
      events.map((event) => gateway.publishEvent(event.data, 'requested', event, 0, soon())),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, calls.length)
    for (const result of results) if (result.status === 'rejected') assert.ok(result.reason instanceof LostRace)
    for (const callId of calls) {
      const { entries } = await gateway.history({ tenant: 'default', server: '*', callId })
      assert.deepEqual(
        entries.map(({ name }) => name),
        ['requested'],
      )
    }
  },
)

test('I8: of a run of which the beginning was lost on its way nothing is stored, and nothing of one that is sent again', async (t) => {
  const { connect } = await startTestBus(t)
  const audit = await connect('audit')
  const run = ['a', 'b', 'c'].map((name, index) => ({
    subject: subjects.auditRecord('default', 'files', name),
    data: Buffer.from(name),
    msgId: `audit.default.${index}`,
    alone: true,
  }))
  const lastSeq = async () => (await audit.streamInfo('AUDIT')).lastSeq
  await assert.rejects(audit.storeRun(run.slice(1), 1, soon()), LostRace)
  assert.equal(await lastSeq(), 0)
  assert.equal(await audit.storeRun(run, 0, soon()), 3)
  await assert.rejects(audit.storeRun(run, 0, soon()), LostRace)
  assert.equal(await lastSeq(), 3)
})

test('one idempotency key is one call, whichever server it names', async (t) => {
  const { connect } = await startTestBus(t)
  const gateway = await connect('gateway')
  const one = requested({ server: 'one' })
  const two = requested({ server: 'two', callId: one.data.callId })
  await gateway.publishEvent(one.data, 'requested', one, 0, soon())
  await assert.rejects(gateway.publishEvent(two.data, 'requested', { ...two, id: 'other' }, 0, soon()), LostRace)
})

test('a handler that returns acknowledges, one that throws is asked again, a terminal one is not', async (t) => {
  const { connect } = await startTestBus(t)
  const [gateway, policy] = await Promise.all([connect('gateway'), connect('policy')])
  const seen: string[] = []
  const problems: string[] = []
  const consumption = policy.consume({
    stream: 'CALLS',
    consumer: 'policy-requested',
    maxInFlight: 10,
    ackWaitMs: 10_000,
    onProblem: ({ what }) => problems.push(what),
    handler: async ({ data, deliveries }) => {
      const { tool } = JSON.parse(new TextDecoder().decode(data)).data
      seen.push(`${tool}#${deliveries}`)
      if (tool === 'flaky' && deliveries === 1) throw new Error('not yet')
      if (tool === 'poison') throw new Terminal('never')
    },
  })
  t.after(() => consumption.stop())
  for (const tool of ['good', 'flaky', 'poison']) {
    const event = requested({ tool })
    await gateway.publishEvent(event.data, 'requested', event, 0, soon())
  }
  await until(() => seen.length === 4, 'all were handled')
  await until(async () => (await policy.consumerLag('CALLS', 'audit')) === 3, 'audit has three to go')
  assert.deepEqual(seen.toSorted(), ['flaky#1', 'flaky#2', 'good#1', 'poison#1'])
  assert.deepEqual(problems.toSorted(), ['redelivery', 'terminated'])
})

test('I11: the bus enforces the roles: a service cannot write what is not its own', async (t) => {
  const { connect } = await startTestBus(t)
  const executor = await connect('agent-executor')
  const event = requested()
  await assert.rejects(executor.publishEvent(event.data, 'requested', event, 0, Date.now() + 500), {
    code: 'store_unavailable',
  })
  const console = await connect('console')
  assert.deepEqual((await console.history(event.data)).entries, [])
})

test('verbs answer with values or with errors of the table', async (t) => {
  const { connect } = await startTestBus(t)
  const [policy, console] = await Promise.all([connect('policy'), connect('console')])
  await assert.rejects(console.callApi(verbs.policy.policies, {}), { code: 'service_unavailable' })
  policy.serveApi(
    verbs.policy.policies,
    () => ({ revision: 'r1', loadedAt: null, policies: [], problems: [] }),
    (error) => assert.fail(String(error)),
  )
  await until(
    () => console.callApi(verbs.policy.policies, {}).then(({ revision }) => revision === 'r1'),
    'policy answers',
  )
})

test('large content goes to the object store and comes back checked', async (t) => {
  const { connect } = await startTestBus(t)
  const gateway = await connect('gateway')
  const small = await gateway.payloads.carry({ a: 1 })
  assert.deepEqual(small.carried, { inline: { a: 1 } })
  const content = { text: 'x'.repeat(300 * 1024) }
  const { carried, digest } = await gateway.payloads.carry(content)
  assert.ok('stored' in carried && carried.stored.digest === digest)
  const executor = await connect('agent-executor')
  assert.deepEqual(await executor.payloads.fetch(carried), content)
})

test('large content that is there is not stored again, and of what lost its chunks a reader learns that it is not whole', async (t) => {
  const { connect } = await startTestBus(t)
  const gateway = await connect('gateway')
  const stream = 'OBJ_payloads' as 'CALLS'
  const content = { text: '€'.repeat(200 * 1024) }
  const { carried } = await gateway.payloads.carry(content)
  const { lastSeq } = await gateway.streamInfo(stream)
  assert.deepEqual((await gateway.payloads.carry(content)).carried, carried)
  assert.equal((await gateway.streamInfo(stream)).lastSeq, lastSeq)
  assert.deepEqual(await gateway.payloads.fetch(carried), content)
  // As when it is stored anew while somebody reads it.
  await gateway.purge(stream, { filter: '$O.payloads.C.>' })
  await assert.rejects(gateway.payloads.fetch(carried), { code: 'store_unavailable', message: /not whole just now/ })
})

test('I7: the object store has a budget, of which arguments leave a part for results', async (t) => {
  const { connect } = await startTestBus(t, { payloadsMaxBytes: 2 * 1024 * 1024 })
  const [gateway, executor] = await Promise.all([connect('gateway'), connect('agent-executor')])
  const content = (n: number) => ({ n, text: 'x'.repeat(300 * 1024) })
  const none = { code: 'store_full', message: /object store .* over 256 KiB has no space left/ }
  await gateway.payloads.carry(content(1), true)
  await gateway.payloads.carry(content(2), true)
  await assert.rejects(gateway.payloads.carry(content(3), true), none)
  assert.ok(await gateway.payloads.carry({ n: 3 }, true), 'what is small is not kept there')
  const results: Carried[] = []
  const fill = async () => {
    for (let n = 4; ; n++) results.push((await executor.payloads.carry(content(n))).carried)
  }
  await assert.rejects(fill(), none)
  assert.ok(results.length > 2, String(results.length))
  assert.deepEqual(await executor.payloads.fetch(results.at(-1)!), content(3 + results.length))
})

test('a bucket is followed from what is there through every change', async (t) => {
  const { connect } = await startTestBus(t)
  const [lifecycle, gateway] = await Promise.all([connect('lifecycle'), connect('gateway')])
  const servers = await lifecycle.bucket('servers')
  await servers.put('server.a', new TextEncoder().encode('1'))
  const seen: string[] = []
  const following = await (
    await gateway.bucket('servers')
  ).follow(({ key, value }) => seen.push(`${key}=${value && new TextDecoder().decode(value)}`))
  t.after(() => following.stop())
  assert.deepEqual(seen, ['server.a=1'])
  await servers.put('server.b', new TextEncoder().encode('2'))
  await servers.remove('server.a')
  await until(() => seen.length === 3, 'changes arrive')
  assert.deepEqual(seen, ['server.a=1', 'server.b=2', 'server.a=undefined'])
})

test('R33, I13: a bucket that was lost and made anew is followed again, and what it lacks counts as removed', async (t) => {
  const { server, connect } = await startTestBus(t)
  const [lifecycle, gateway, provisioner] = await Promise.all([
    connect('lifecycle'),
    connect('gateway'),
    connect('provisioner'),
  ])
  const bucket = await lifecycle.bucket('servers')
  const text = (of: string) => new TextEncoder().encode(of)
  await bucket.put('stays', text('before'))
  await bucket.put('gone', text('before'))
  const seen = new Map<string, string | undefined>()
  const followed = await (
    await gateway.bucket('servers')
  ).follow(({ key, value }) => void seen.set(key, value && new TextDecoder().decode(value)))
  t.after(() => followed.stop())
  assert.deepEqual(Object.fromEntries(seen), { stays: 'before', gone: 'before' })
  provisioner.hint('$JS.API.STREAM.DELETE.KV_servers', new Uint8Array())
  await until(async () => (await bucket.standing().catch(() => undefined)) === undefined, 'it is gone')
  await provision({ url: server.url, user: 'provisioner', password: server.passwords.provisioner })
  await bucket.put('stays', text('after'))
  await until(() => seen.get('stays') === 'after' && seen.get('gone') === undefined, 'it is followed again')
  await bucket.put('stays', text('later'))
  await until(() => seen.get('stays') === 'later', 'it is followed on')
})

test('a scheduled message rings where it was told to', async (t) => {
  const { connect } = await startTestBus(t)
  const policy = await connect('policy')
  const at = { tenant: 'default', server: 'files', callId: newCallId(Date.now()) }
  const rung: string[] = []
  const consumption = policy.consume({
    stream: 'TIMERS',
    consumer: 'policy-expired',
    maxInFlight: 10,
    ackWaitMs: 10_000,
    onProblem: ({ error }) => assert.fail(String(error)),
    handler: async ({ subject }) => void rung.push(subject),
  })
  t.after(() => consumption.stop())
  await policy.store(
    {
      subject: subjects.holdTimer(at.callId),
      data: new Uint8Array(),
      msgId: `${at.callId}.timer`,
      headers: {
        'Nats-Schedule': `@at ${new Date(Date.now() + 500).toISOString()}`,
        'Nats-Schedule-Target': subjects.holdExpired(at),
      },
    },
    soon(),
  )
  await until(() => rung.length === 1, 'the timer rings')
  assert.deepEqual(rung, [subjects.holdExpired(at)])
})

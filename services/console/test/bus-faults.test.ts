import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode, Terminal } from '@countersign/bus'
import { consumers, newCallId, subjects } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { serverFixture, startConsole } from './console-fixture.ts'

test('a message that a service refused as unreadable is shown to operators, with where it is and what to do', async (t) => {
  const { get, request, policyBus, policy } = await startConsole(t)
  const faults = async () => (await get('operator', '/status')).body.bus.faults
  assert.deepEqual(await faults(), [])
  const consumption = policyBus.consume({
    stream: 'CALLS',
    consumer: consumers.policyRequested.name,
    maxInFlight: 1,
    ackWaitMs: 10_000,
    onProblem: () => {},
    handler: async () => {
      throw new Terminal('the event is no event')
    },
  })
  t.after(() => consumption.stop())
  await request()
  await request()
  const [fault] = await until(async () => {
    const found = await faults()
    return found.length > 0 && found[0].problem.includes('2 messages') && found
  }, 'both are told')
  assert.equal(fault.what, 'consumer policy-requested')
  assert.match(fault.problem, /\(CALLS, sequence 2\): the event is no event$/)
  assert.match(fault.remedy, /audit log/)
  assert.equal((await get('agent', '/status')).body.bus.faults, undefined)
  // Who operates another tenant has no business with what is in the streams and files that all share.
  const others = {
    what: 'platform',
    problem: '1 thing that all tenants share is not as it must be',
    remedy: 'ask whoever runs this Countersign, who is told what it is',
  }
  assert.deepEqual((await get('stranger', '/status')).body.bus.faults, [others])
  policy.faults = [{ what: 'key of grants', problem: '/etc/grant.pem cannot be used', remedy: 'mend it' }]
  assert.deepEqual((await get('stranger', '/status')).body.bus.faults, [
    { ...others, problem: '2 things that all tenants share are not as they must be' },
  ])
  assert.deepEqual(
    (await faults()).map(({ what }: { what: string }) => what),
    ['key of grants', 'consumer policy-requested'],
  )
})

test('R33: what executors tell of their files is shown to operators, once for all that tell it, while they tell it', async (t) => {
  const { get, executor } = await startConsole(t)
  const faults = async () => (await get('operator', '/status')).body.bus.faults
  const fault = { what: 'public keys of grants', problem: 'keys.pem cannot be used', remedy: 'mend it' }
  const tell = (...told: object[]) => {
    for (const [n, each] of told.entries())
      executor.hint(subjects.faults('agent-executor', `replica-${n}`), encode({ faults: [each] }))
  }
  const shown = (...what: string[]) =>
    until(async () => {
      const found: { what: string }[] = await faults()
      return what.join() === found.map((each) => each.what).join()
    }, `what is shown is: ${what.join()}`)
  executor.hint(subjects.faults('agent-executor', 'odd'), encode({ faults: 'none that can be read' }))
  tell(fault)
  await shown('public keys of grants at agent-executor')
  assert.deepEqual(await faults(), [{ ...fault, what: 'public keys of grants at agent-executor' }])
  tell(fault, fault, { ...fault, problem: 'another' })
  await shown('public keys of grants at 2 of agent-executor', 'public keys of grants at agent-executor')
  assert.deepEqual(
    (await get('stranger', '/status')).body.bus.faults.map(({ what }: { what: string }) => what),
    ['platform'],
  )
  // Nobody tells it any more.
  t.mock.method(performance, 'now', () => process.uptime() * 1000 + 1e7)
  await shown()
  tell(fault)
  await shown('public keys of grants at agent-executor')
})

test('allowed calls that pile up for one tool server are shown to operators, with what becomes of them', async (t) => {
  const { get, register, executor, policyBus } = await startConsole(t)
  await register(serverFixture())
  const consumer = { stream: 'CALLS', name: 'executor-files', filter: subjects.callEvents('allowed', 'files') }
  await executor.ensureConsumer(consumer, { maxAckPending: 1, ackWaitMs: 60_000 })
  const held = Promise.withResolvers<void>()
  const consumption = executor.consume({
    ...{ stream: 'CALLS', consumer: consumer.name, maxInFlight: 1, ackWaitMs: 60_000 },
    onProblem: () => {},
    // Its server hangs.
    handler: () => held.promise,
  })
  t.after(() => {
    held.resolve()
    return consumption.stop()
  })
  const allowed = async () => {
    const subject = subjects.call({ tenant: 'default', server: 'files', callId: newCallId(Date.now()) }, 'allowed')
    await policyBus.store({ subject, data: Buffer.from('{}'), msgId: subject }, Date.now() + 20_000)
  }
  for (let n = 0; n < 11; n++) await Promise.all(Array.from({ length: 100 }, allowed))
  const fault = await until(async () => {
    const { faults } = (await get('operator', '/status')).body.bus
    return faults.find(({ what }: { what: string }) => what === 'consumer executor-files') as Record<string, string>
  }, 'it is told')
  assert.match(
    fault.problem!,
    /^1100 allowed calls wait for the tool server files, and end unrun when their grants expire/,
  )
  assert.match(fault.remedy!, /countersign servers files.*limits\.concurrency/)
})

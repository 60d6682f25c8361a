import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Bus, type ConsumeOptions, provision } from '@countersign/bus'
import { consumers, makeEvent } from '@countersign/contracts'
import { requestedFixture, startTestBus, until } from '@countersign/testing'

/** No test lasts as long. */
const ackWaitMs = 300_000
const consumer = { stream: 'CALLS', consumer: 'policy-requested', ackWaitMs }
const fail: ConsumeOptions['onProblem'] = ({ error }) => assert.fail(String(error))

async function store(gateway: Bus): Promise<number> {
  const event = makeEvent('requested', requestedFixture(), { now: new Date() })
  return (await gateway.publishEvent(event.data, 'requested', event, 0, Date.now() + 10_000)).seq
}

test('what is on its way when a consumption stops is handled: nothing waits for the ack wait', async (t) => {
  const { connect } = await startTestBus(t)
  const [gateway, policy, provisioner] = await Promise.all([
    connect('gateway'),
    connect('policy'),
    connect('provisioner'),
  ])
  await provisioner.ensureConsumer(consumers.policyRequested, { maxAckPending: 1000, ackWaitMs })
  const handled = new Map<number, number>()
  const begin = () =>
    policy.consume({
      ...consumer,
      maxInFlight: 100,
      onProblem: fail,
      handler: async ({ seq }) => void handled.set(seq, (handled.get(seq) ?? 0) + 1),
    })
  const stored: number[] = []
  let storing = true
  const writer = (async () => {
    while (storing) stored.push(...(await Promise.all([store(gateway), store(gateway), store(gateway)])))
  })()
  for (let round = 0; round < 60; round++) {
    const consumption = begin()
    const before = handled.size
    await until(() => handled.size > before, 'something is handled')
    await consumption.stop()
  }
  storing = false
  await writer
  const consumption = begin()
  t.after(() => consumption.stop())
  await until(() => handled.size === stored.length, 'all are handled')
  assert.deepEqual(new Set(handled.values()), new Set([1]), 'each was handled once')
})

test('no more messages are in hand than may be handled at once, and as many when there are enough', async (t) => {
  const { connect } = await startTestBus(t)
  const [gateway, policy] = await Promise.all([connect('gateway'), connect('policy')])
  let [inHand, most, handled] = [0, 0, 0]
  const consumption = policy.consume({
    ...consumer,
    maxInFlight: 5,
    onProblem: fail,
    async handler() {
      most = Math.max(most, ++inHand)
      await setTimeout(20)
      inHand -= 1
      handled += 1
    },
  })
  t.after(() => consumption.stop())
  await Promise.all(Array.from({ length: 40 }, () => store(gateway)))
  await until(() => handled === 40, 'all are handled')
  assert.equal(most, 5)
})

test('R33: a consumer that is taken away is told once, and read again when it is back', async (t) => {
  const { server, connect } = await startTestBus(t)
  const [gateway, policy] = await Promise.all([connect('gateway'), connect('policy')])
  const handled: number[] = []
  const problems: string[] = []
  const consumption = policy.consume({
    ...consumer,
    maxInFlight: 5,
    onProblem: ({ what, error }) => problems.push(`${what}: ${(error as Error).message}`),
    handler: async ({ seq }) => void handled.push(seq),
  })
  t.after(() => consumption.stop())
  await store(gateway)
  await until(() => handled.length === 1, 'it is read')
  const provisioner = await connect('provisioner')
  provisioner.hint('$JS.API.CONSUMER.DELETE.CALLS.policy-requested', new Uint8Array())
  await until(() => problems.length > 0, 'it is told')
  // Longer than it waits before it asks again.
  await setTimeout(1500)
  const { url, passwords } = server
  await provision({ url, user: 'provisioner', password: passwords.provisioner })
  await store(gateway)
  await until(() => handled.length >= 2, 'it is read again')
  const [first, ...others] = problems
  assert.match(first!, /^consumer: CALLS\/policy-requested cannot be read: .*\(409\)$/)
  assert.ok(others.length <= 1, `told once of each thing: ${problems.join('; ')}`)
})

test('R33: who may make its consumer makes it again, however often it is lost, and tells once what keeps it from that', async (t) => {
  const { server, connect } = await startTestBus(t)
  const [gateway, policy, provisioner] = await Promise.all([
    connect('gateway'),
    connect('policy'),
    connect('provisioner'),
  ])
  const handled: number[] = []
  const problems: string[] = []
  const ensured: number[] = []
  const consumption = policy.consume({
    ...consumer,
    maxInFlight: 5,
    onProblem: ({ error }) => problems.push((error as Error).message),
    handler: async ({ seq }) => void handled.push(seq),
    async ensure() {
      ensured.push(performance.now())
      await provisioner.ensureConsumer(consumers.policyRequested, { maxAckPending: 1000, ackWaitMs })
    },
  })
  t.after(() => consumption.stop())
  await store(gateway)
  await until(() => handled.length === 1, 'it is read')
  assert.equal(ensured.length, 0, 'one that is there is not made')

  provisioner.hint('$JS.API.CONSUMER.DELETE.CALLS.policy-requested', new Uint8Array())
  await until(() => ensured.length > 0, 'it is made again')
  await store(gateway)
  await until(() => new Set(handled).size === 2, 'it is read again')

  provisioner.hint('$JS.API.STREAM.DELETE.CALLS', new Uint8Array())
  const tried = ensured.length
  await until(() => ensured.length >= tried + 3, 'making it is tried again and again')
  const { url, passwords } = server
  await provision({ url, user: 'provisioner', password: passwords.provisioner })
  provisioner.hint('$JS.API.CONSUMER.DELETE.CALLS.policy-requested', new Uint8Array())
  const before = handled.length
  await store(gateway)
  await until(() => handled.length > before, 'what is in the new stream is read')
  assert.equal(problems.filter((problem) => /cannot be made/.test(problem)).length, 1, problems.join('; '))
  for (const [place, at] of ensured.entries()) assert.ok(place === 0 || at - ensured[place - 1]! >= 1000)
})

test('a consumption that stops while its consumer is being made ends after that', async (t) => {
  const { connect } = await startTestBus(t)
  const [policy, provisioner] = await Promise.all([connect('policy'), connect('provisioner')])
  const made = Promise.withResolvers<void>()
  let ensuring = false
  const consumption = policy.consume({
    ...consumer,
    maxInFlight: 5,
    onProblem: () => {},
    handler: async () => {},
    ensure: () => ((ensuring = true), made.promise),
  })
  provisioner.hint('$JS.API.CONSUMER.DELETE.CALLS.policy-requested', new Uint8Array())
  await until(() => ensuring, 'it is being made')
  let ended = false
  const stopped = consumption.stop().then(() => (ended = true))
  await setTimeout(100)
  assert.equal(ended, false)
  made.resolve()
  await stopped
})

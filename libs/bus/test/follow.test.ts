import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeEvent, subjects } from '@countersign/contracts'
import { requestedFixture, startTestBus, until } from '@countersign/testing'

const soon = () => Date.now() + 10_000
const fail = (error: unknown) => assert.fail(String(error))

test('a follower sees in order what is stored from now on, or from a sequence on, and nothing else', async (t) => {
  const { connect } = await startTestBus(t)
  const [gateway, console] = await Promise.all([connect('gateway'), connect('console')])
  const store = async (tenant = 'default') => {
    const event = makeEvent('requested', requestedFixture({ tenant }), { now: new Date() })
    return (await gateway.publishEvent(event.data, 'requested', event, 0, soon())).seq
  }
  const before = await store()
  const [fresh, all, one] = [[], [], []] as number[][] as [number[], number[], number[]]
  const following = await Promise.all([
    console.follow('CALLS', { filter: subjects.allCalls, onProblem: fail }, ({ seq }) => fresh.push(seq)),
    console.follow('CALLS', { filter: subjects.allCalls, startSeq: 1, onProblem: fail }, ({ seq }) => all.push(seq)),
    console.follow('CALLS', { filter: 'calls.other.>', startSeq: 1, onProblem: fail }, ({ seq }) => one.push(seq)),
  ])
  const after: number[] = []
  for (const tenant of ['default', 'other', 'default']) after.push(await store(tenant))
  await until(() => fresh.length === 3 && all.length === 4 && one.length === 1, 'all were handed over')
  assert.deepEqual(fresh, after)
  assert.deepEqual(all, [before, ...after])
  assert.deepEqual(one, [after[1]])
  await Promise.all(following.map((each) => each.stop()))
  await store()
  assert.equal(all.length, 4, 'nothing is handed over after the stop')
})

test('a consumer without a reader is not attended, one that is not there is undefined', async (t) => {
  const { connect } = await startTestBus(t)
  const [gateway, policy, console] = await Promise.all([connect('gateway'), connect('policy'), connect('console')])
  const event = makeEvent('requested', requestedFixture(), { now: new Date() })
  await gateway.publishEvent(event.data, 'requested', event, 0, soon())
  // The server counts it for the consumer a moment after it acknowledged it.
  const waiting = await until(async () => {
    const state = await console.consumerState('CALLS', 'policy-requested')
    return state?.lag === 1 && state
  }, 'the message waits')
  assert.equal(waiting.attended, false)
  assert.equal(await console.consumerState('CALLS', 'executor-nowhere'), undefined)
  const consumption = policy.consume({
    stream: 'CALLS',
    consumer: 'policy-requested',
    maxInFlight: 1,
    ackWaitMs: 10_000,
    onProblem: ({ error }) => fail(error),
    handler: async () => {},
  })
  t.after(() => consumption.stop())
  await until(async () => {
    const state = await console.consumerState('CALLS', 'policy-requested')
    return state?.attended && state.lag === 0
  }, 'the reader is noticed')
})

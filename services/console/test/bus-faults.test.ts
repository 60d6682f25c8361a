import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Terminal } from '@countersign/bus'
import { consumers } from '@countersign/contracts'
import { until } from '@countersign/testing'
import { startConsole } from './console-fixture.ts'

test('a message that a service refused as unreadable is shown to operators, with where it is and what to do', async (t) => {
  const { get, request, policyBus } = await startConsole(t)
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
})

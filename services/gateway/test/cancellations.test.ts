import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CountersignError, makeEvent } from '@countersign/contracts'
import { requestedFixture, startTestBus, until } from '@countersign/testing'
import { cancelCall } from '../src/call/cancel-call.ts'
import { type Person, startGateways } from './start-gateways.ts'

const initialize = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}
const call = (id: number | string) => ({ id, method: 'tools/call', params: { name: 'files_wait', arguments: {} } })
const cancel = (requestId: unknown) => ({ method: 'notifications/cancelled', params: { requestId, reason: 'test' } })

test(
  'I12, R6: a legacy caller withdraws its call at any replica, and nobody else does',
  { timeout: 60_000 },
  async (t) => {
    const { urls, events, asked, post } = await startGateways(t, 3)
    const [first, second, third] = urls as [string, string, string]
    const open = async (as: Person, url: string) => (await post(url, as, initialize)).session
    const [anns, annsOther, bobs] = await Promise.all([open('ann', first), open('ann', third), open('bob', second)])
    const cancelled = async () =>
      (await events()).filter(({ event }) => event === 'cancelled').map(({ callId }) => callId)

    // The call is at the first replica.
    const waiting = post(first, 'ann', call(7), anns)
    const callId = await asked(1)
    assert.equal((await post(second, 'bob', cancel(7), bobs)).status, 202)
    assert.equal((await post(second, 'bob', cancel(7), anns)).status, 404, 'the session is not his')
    assert.equal((await post(second, 'ann-elsewhere', cancel(7), anns)).status, 404)
    assert.equal((await post(second, 'ann', cancel(7), annsOther)).status, 202, 'another session of hers')
    assert.equal((await post(second, 'ann', cancel('7'), anns)).status, 202, 'another id')
    assert.equal((await post(second, 'ann', cancel(7))).status, 202, 'no session')
    for (const requestId of [null, {}, 'x'.repeat(5000)]) await post(second, 'ann', cancel(requestId), anns)

    // Messages between two replicas keep their order: once this second call is cancelled, all of the above was heard.
    const other = post(first, 'bob', call('b'), bobs)
    const bobsCall = await asked(2)
    await post(second, 'bob', cancel('b'), bobs)
    await until(async () => (await cancelled()).length > 0, "bob's call is withdrawn")
    assert.deepEqual(await cancelled(), [bobsCall])
    await other

    await post(second, 'ann', cancel(7), anns)
    await until(async () => (await cancelled()).length === 2, "ann's call is withdrawn")
    assert.deepEqual(await cancelled(), [bobsCall, callId])
    const answer = await waiting
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'text/event-stream'])
    assert.equal(answer.text, '', 'what was withdrawn is not answered')
  },
)

test('a withdrawal outlasts a store that does not tell how the call stands, as while servers agree on who leads them', async (t) => {
  const { connect } = await startTestBus(t)
  const bus = await connect('gateway')
  const event = makeEvent('requested', requestedFixture(), { now: new Date() })
  const call = event.data
  await bus.publishEvent(call, 'requested', event, 0, Date.now() + 10_000)
  const history = bus.history.bind(bus)
  let questions = 0
  bus.history = (at) =>
    ++questions < 3 ? Promise.reject(new CountersignError('store_unavailable', 'ask again')) : history(at)
  await cancelCall(bus, call, 'gateway-1', 'test', Date.now() + 10_000)
  assert.deepEqual([questions, (await history(call)).state], [3, 'cancelled'])
})

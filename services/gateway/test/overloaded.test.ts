import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@countersign/bus'
import {
  type CallEventData,
  callFieldsOf,
  consumers,
  decodeEvent,
  makeEvent,
  parseCallSubject,
  subjects,
} from '@countersign/contracts'
import { until } from '@countersign/testing'
import { startGateways } from './start-gateways.ts'

/** What the gateways of these tests let in at once. */
const maxCallsInFlight = 100

test('R39: calls beyond what is let in are refused unstored and counted, and one event tells of it', async (t) => {
  const gateways = await startGateways(t, 1)
  const [url] = gateways.urls
  const call = (as: 'ann' | 'bob') =>
    gateways.ask(url!, as, { method: 'tools/call', params: { name: 'files_wait', arguments: {} } })
  // Nobody decides yet, so they stay.
  const waiting = Array.from({ length: maxCallsInFlight }, () => call('ann'))
  await gateways.asked(maxCallsInFlight)
  for (let n = 0; n < 20; n++) {
    for (const { body } of await Promise.all([call('ann'), call('bob')])) {
      const { code, message } = body.result?.['structuredContent'] ?? {}
      assert.equal(code, 'overloaded', JSON.stringify(body))
      assert.match(message, /^100 calls are waiting here already; nothing was stored/)
    }
  }
  assert.deepEqual(
    gateways.notStored,
    Array.from({ length: 40 }, () => 'overloaded'),
  )
  assert.equal((await gateways.events()).length, maxCallsInFlight)
  const told = await until(async () => {
    const all = (await gateways.activities()).filter(({ subject }) => subject.endsWith('.calls_refused'))
    return all.length > 0 && all
  }, 'it is told')
  assert.deepEqual(
    told.map(({ subject }) => subject),
    ['activity.default.calls_refused'],
  )
  const { data } = JSON.parse(told[0]!.text)
  assert.deepEqual(
    [data.code, data.count, data.principals.length, data.addresses],
    ['overloaded', 1, 1, [{ address: '127.0.0.1', count: 1 }]],
  )

  const { stream, name: consumer } = consumers.policyRequested
  const policy = gateways.policy.consume({
    ...{ stream, consumer, concurrency: 10, maxInFlight: 100, ackWaitMs: 10_000 },
    handler: async ({ subject, data: text, seq }) => {
      const { data: asked } = decodeEvent('requested', text)
      const reason = { code: 'policy', message: 'no rule allows it' }
      const denied = { ...callFieldsOf(asked), reason, decision: { policyRevision: 'r', rules: [], facts: {} } }
      const event = makeEvent('denied', denied as CallEventData<'denied'>, { now: new Date() })
      await gateways.policy.publishEvent(parseCallSubject(subject)!, 'denied', event, seq, Date.now() + 5000)
      gateways.policy.hint(subjects.replies(asked.replyTo), encode(event))
    },
    onProblem: (error) => assert.fail(String(error)),
  })
  t.after(() => policy.stop())
  // As they are answered, others are let in.
  for (const { body } of [...(await Promise.all(waiting)), await call('bob')]) {
    assert.equal(body.result?.['structuredContent'].code, 'policy')
  }
})

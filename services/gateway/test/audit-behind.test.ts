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

const why = 'no new call is taken, because the audit log is too far behind: 7 events wait'

test('I5, I7, R31: while policy refuses for want of audit, a flood of calls is not stored, each is told why, and one event tells of it', async (t) => {
  const gateways = await startGateways(t, 1)
  const [url] = gateways.urls
  let behind = true
  const policy = gateways.policy.consume({
    ...{
      stream: consumers.policyRequested.stream,
      consumer: consumers.policyRequested.name,
      concurrency: 10,
      maxInFlight: 100,
      ackWaitMs: 10_000,
    },
    handler: async ({ subject, data, seq }) => {
      const event = decodeEvent('requested', data)
      const at = parseCallSubject(subject)!
      const decision = { policyRevision: 'r', rules: [], facts: {} }
      const reason = behind ? { code: 'audit_behind', message: why } : { code: 'policy', message: 'no rule allows it' }
      const denied = { ...callFieldsOf(event.data), reason, decision } as CallEventData<'denied'>
      const told = makeEvent('denied', denied, { now: new Date() })
      await gateways.policy.publishEvent(at, 'denied', told, seq, Date.now() + 5000)
      gateways.policy.hint(subjects.replies(event.data.replyTo), encode(told))
    },
    onProblem: (error) => assert.fail(String(error)),
  })
  t.after(() => policy.stop())
  const call = (as: 'ann' | 'bob', headers: Record<string, string> = {}) =>
    gateways.ask(url!, as, { method: 'tools/call', params: { name: 'files_wait', arguments: {} } }, headers)
  const codeOf = ({ body }: Awaited<ReturnType<typeof call>>) => body.result!.structuredContent.code

  const keyed = await call('ann', { 'idempotency-key': 'before' })
  assert.equal(codeOf(keyed), 'audit_behind')
  const began = performance.now()
  let told = 0
  while (told < 200) {
    for (const answer of await Promise.all([call('ann'), call('bob')])) {
      const { status, message, callId } = answer.body.result!.structuredContent
      assert.deepEqual(
        [status, codeOf(answer), message, answer.body.result!.isError],
        [callId === undefined ? 'refused' : 'denied', 'audit_behind', why, true],
      )
      told += 1
      if (callId === undefined) assert.equal(answer.body.result!.structuredContent.retryable, true)
    }
  }
  const seconds = (performance.now() - began) / 1000
  const history = (await gateways.events()).map(({ callId }) => callId)
  const stored = new Set(history).size
  assert.ok(stored <= 2 + seconds * 5 + 1, `${stored} of ${told} calls were stored in ${seconds} s`)
  assert.equal(history.length, stored * 2, 'each that is stored has its final event')
  assert.equal(gateways.notStored.length, told + 1 - stored)
  const [refused] = await until(async () => {
    const all = (await gateways.activities()).filter(({ subject }) => subject === 'activity.default.calls_refused')
    return all.length > 0 ? all : undefined
  }, 'it is told')
  const { data } = JSON.parse(refused!.text)
  assert.deepEqual([data.code, data.count, data.principals.length], ['audit_behind', 1, 1])
  // What was asked earlier is answered from its history.
  const again = await call('ann', { 'idempotency-key': 'before' })
  assert.equal(again.body.result!.structuredContent.callId, keyed.body.result!.structuredContent.callId)

  behind = false
  await until(async () => codeOf(await call('bob')) === 'policy', 'calls are put to policy again')
  for (let count = 0; count < 20; count++) assert.equal(codeOf(await call('ann')), 'policy')
})

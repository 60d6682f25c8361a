import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallView } from '../api/audit-queries.ts'
import { digestOf } from '../digest.ts'
import { callIdFromKey, newCallId } from '../ids.ts'
import { callRow, failureCodeOf } from './call-row.ts'

const asked = '2026-11-22T10:00:00.000Z'
const updatedAt = '2026-11-22T10:00:05.000Z'
const call = {
  callId: newCallId(Date.parse(asked)),
  tenant: 'default',
  server: 'files',
  tool: 'read_file',
  principal: 'agent',
  digest: digestOf({}),
}

test('a row says who asked what, where it stands, and when it was asked', () => {
  const row = callRow({ ...call, approval: { quorum: 1 } } as typeof call, { state: 'held', updatedAt })
  assert.deepEqual(row, { ...call, state: 'held', requestedAt: asked, updatedAt })
  assert.deepEqual(CallView.parse(row), row)
  const stored = '2026-11-22T10:00:00.007Z'
  assert.equal(callRow(call, { state: 'held', updatedAt, requestedAt: stored }).requestedAt, stored)
  assert.equal(callRow(call, { state: 'denied', updatedAt, code: 'policy' }).code, 'policy')
})

test('an id made from an idempotency key has no time, so the row has none either', () => {
  const keyed = { ...call, callId: callIdFromKey('default', 'agent', 'key') }
  assert.equal('requestedAt' in callRow(keyed, { state: 'requested', updatedAt }), false)
})

test('the code is that of the reason or the error', () => {
  assert.equal(failureCodeOf({ reason: { code: 'policy', message: '' } }), 'policy')
  assert.equal(failureCodeOf({ error: { code: 'timeout', message: '' } }), 'timeout')
  for (const data of [undefined, null, [], {}, { reason: 'withdrawn' }, { error: { code: 1 } }])
    assert.equal(failureCodeOf(data), undefined)
})

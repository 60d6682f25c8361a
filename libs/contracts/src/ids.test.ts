import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callIdFromKey, callIdTimeMs, isKeyedCallId, newCallId } from './ids.ts'
import { CallId } from './subjects.ts'

test('call ids are UUIDv7: they sort by the time in them', () => {
  const times = [0, 1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 48 - 1]
  const ids = times.map((ms) => newCallId(ms))
  assert.deepEqual(ids.toSorted(), ids)
  assert.deepEqual(
    ids.map((id) => callIdTimeMs(id)),
    times,
  )
  for (const id of ids) {
    assert.equal(CallId.parse(id), id)
    assert.equal(id[14], '7')
    assert.match(id[19]!, /[89ab]/)
    assert.equal(isKeyedCallId(id), false)
  }
})

test('ids made in the same millisecond differ', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => newCallId(7))).size, 1000)
})

test('an idempotency key names one call per person and tenant, on every replica', () => {
  const id = callIdFromKey('default', 'agent', 'order-17')
  assert.equal(id, callIdFromKey('default', 'agent', 'order-17'))
  assert.equal(CallId.parse(id), id)
  assert.equal(id[14], '8')
  assert.match(id[19]!, /[89ab]/)
  assert.equal(isKeyedCallId(id), true)
  assert.equal(callIdTimeMs(id), undefined)
})

test('another tenant, person or key is another call, wherever the words are cut', () => {
  const ids = [
    callIdFromKey('default', 'agent', 'order-17'),
    callIdFromKey('other', 'agent', 'order-17'),
    callIdFromKey('default', 'agent2', 'order-17'),
    callIdFromKey('default', 'agent', 'order-18'),
    callIdFromKey('default', 'agent","order', '17'),
    callIdFromKey('defaultagent', '', 'order-17'),
  ]
  assert.equal(new Set(ids).size, ids.length)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../digest.ts'
import { newCallId } from '../ids.ts'
import { decodeEvent, makeEvent, MalformedEvent } from './envelope.ts'
import { callFieldsOf } from './common.ts'

const callId = newCallId(0)
const data = {
  callId,
  tenant: 'default',
  server: 'files',
  method: 'tools/call',
  tool: 'write',
  principal: 'agent',
  digest: digestOf({}),
  reason: 'gone',
}
const event = makeEvent('cancelled', data, { now: new Date(0), traceparent: '00-1-2-01' })
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

test('an event is a CloudEvent that names its call, its writer and its version', () => {
  assert.deepEqual(event, {
    specversion: '1.0',
    id: `${callId}.cancelled`,
    source: '/services/gateway',
    type: 'dev.countersign.call.cancelled.v1',
    subject: callId,
    time: '1970-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    traceparent: '00-1-2-01',
    data,
  })
})

test('I2: the same step has the same id, so that storing it again is recognised', () => {
  const id = (distinct?: string) =>
    makeEvent('cancelled', data, { now: new Date(), ...(distinct ? { distinct } : {}) }).id
  assert.equal(id(), id())
  assert.equal(id('ann'), `${callId}.cancelled.ann`)
})

test('what was made is read back, unknown members or not', () => {
  assert.deepEqual(decodeEvent('cancelled', bytes(event)), event)
  const newer = { ...event, partitionkey: 'x', data: { ...data, locale: 'en' } }
  assert.deepEqual(callFieldsOf(decodeEvent('cancelled', bytes(newer)).data), callFieldsOf(data))
})

test('I7: what is not an event of the kind is refused with the reason', () => {
  const refused = (value: unknown, reason: RegExp) =>
    assert.throws(
      () => decodeEvent('cancelled', value instanceof Uint8Array ? value : bytes(value)),
      (error: Error) => error instanceof MalformedEvent && reason.test(error.message),
    )
  refused('{"specversion"', /is not JSON/)
  refused(new Uint8Array([0x22, 0xff, 0x22]), /is not JSON/)
  refused('null', /breaks its schema/)
  refused({ ...event, type: 'dev.countersign.call.allowed.v1' }, /type/)
  refused({ ...event, time: 'yesterday' }, /time/)
  refused({ ...event, data: { ...data, digest: 'sha256:0' } }, /digest/)
  refused({ ...event, data: { ...data, server: 'a.b' } }, /DNS label/)
  refused({ ...event, data: { ...data, reason: undefined } }, /reason/)
})

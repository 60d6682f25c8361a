import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AuditRecord,
  AuditRecordV3,
  canonicalJson,
  type Json,
  makeActivityEvent,
  makeEvent,
  sha256,
  subjects,
} from '@countersign/contracts'
import { requestedFixture } from '@countersign/testing'
import { makeRecord } from './make-record.ts'
import { activity, calls } from './record-source.ts'
import { noCall, readHead } from './record-text.ts'

const storedAt = new Date('2026-11-22T10:00:00.123Z')
const created = '2026-11-22T09:00:00.123456789Z'
const data = requestedFixture({ principal: 'a "quoted" one' }, { '9': 1, '10': 2, text: ',"event":"forged"' })
const event = makeEvent('requested', data, { now: storedAt })
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

test('a record is the canonical text of the event with its place in the stream', () => {
  const subject = subjects.call(data, 'requested')
  const record = makeRecord(calls, { subject, data: bytes(event), seq: 7, storedAt }, { created, previous: 3 })
  const parsed = AuditRecord.parse(JSON.parse(record.text))
  assert.equal(record.text, canonicalJson(parsed as unknown as Json))
  assert.deepEqual(parsed.cloudEvent, event)
  assert.deepEqual(parsed.stream, { name: 'CALLS', seq: 7, previous: 3, created })
  const { text, entry, content, ...head } = record
  assert.equal(entry.toString(), text)
  assert.equal(content, undefined)
  assert.deepEqual(readHead(text), head)
})

test('whatever was stored has a record: what is not an event is kept by digest and first bytes', () => {
  const subject = subjects.call(data, 'requested')
  const deep = '['.repeat(200_000) + ']'.repeat(200_000)
  const bad: [string, Uint8Array][] = [
    ['not JSON', new TextEncoder().encode('{"a":')],
    ['not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a lone surrogate', new TextEncoder().encode('{"id":"1","type":"t","data":{"a":"\\ud800"}}')],
    ['no number', new TextEncoder().encode('{"id":"1","type":"t","data":{"a":1e999}}')],
    ['too deep', new TextEncoder().encode(`{"id":"1","type":"t","data":{"a":${deep}}}`)],
    ['too long', bytes({ id: '1', type: 't', data: { a: 'x'.repeat(5 * 1024 * 1024) } })],
    ['no event', bytes({ hello: 'world' })],
    ['nothing', new Uint8Array()],
  ]
  for (const [what, content] of bad) {
    const { text } = makeRecord(calls, { subject, data: content, seq: 1, storedAt }, { created, previous: 3 })
    const { cloudEvent, callId } = AuditRecord.parse(JSON.parse(text))
    assert.equal(callId, data.callId, what)
    assert.equal(cloudEvent['digest'], sha256(content), what)
    const kept = Buffer.from(cloudEvent['malformed'] as string, 'base64')
    assert.deepEqual(kept, Buffer.from(content.subarray(0, 4096)), what)
    assert.equal(text, canonicalJson(JSON.parse(text) as Json), what)
  }
})

test('a subject that names no call is kept in the record', () => {
  for (const subject of [
    'calls.x',
    `calls.NOT-A-LABEL.files.${data.callId}.requested`,
    `${subjects.call(data, 'requested')}.more`,
  ]) {
    const record = makeRecord(calls, { subject, data: bytes(event), seq: 1, storedAt }, { created, previous: 3 })
    const { cloudEvent, ...head } = AuditRecord.parse(JSON.parse(record.text))
    assert.equal(cloudEvent['subject'], subject)
    assert.equal(head.callId, noCall.callId)
  }
})

test('R23: what is done to a server or to Countersign has a record of the same form, with who, what and outcome', () => {
  const accepted = {
    ...{ event: 'tool_accepted', tenant: 'default', server: 'files', tool: 'write_file' },
    ...{ at: '2026-11-22T09:59:59.000Z', by: 'oscar', message: 'it is pinned now' },
  }
  const place = { created, previous: 0 }
  const subject = subjects.lifecycleEvent('default', 'files', 'tool_accepted')
  const ofServer = makeRecord(activity, { subject, data: bytes(accepted), seq: 1, storedAt }, place)
  const record = AuditRecordV3.parse(JSON.parse(ofServer.text))
  assert.equal(ofServer.text, canonicalJson(record as unknown as Json))
  assert.deepEqual(
    [record.kind, record.server, record.callId, record.event, record.time, record.who, record.resource, record.outcome],
    [
      ...['activity', 'files', undefined, 'tool_accepted', accepted.at],
      ...[{ actor: 'oscar', principal: 'oscar' }, { type: 'tool', name: 'write_file' }, { status: 'succeeded' }],
    ],
  )
  assert.deepEqual(record.cloudEvent['data'], accepted)

  const refused = makeActivityEvent(
    'policies_refused',
    {
      ...{ tenant: 'default', resource: { type: 'policies', name: 'current' }, by: 'policy' },
      ...{ inForce: null, problems: ['a.yaml:1:1: ,"event":"forged","callId":"x"'], problemCount: 1 },
    },
    { now: storedAt },
  )
  const message = { subject: subjects.activity('default', 'policies_refused'), data: bytes(refused), seq: 2, storedAt }
  const ofPolicies = makeRecord(activity, message, { created, previous: 1 })
  const { text, entry: _entry, content: _content, ...head } = ofPolicies
  assert.deepEqual(readHead(text), head)
  assert.deepEqual(head, {
    ...{ kind: 'activity', tenant: 'default', server: undefined, callId: undefined, event: 'policies_refused' },
    ...{ storedAt: storedAt.toISOString(), stream: 'LIFECYCLE', seq: 2, previous: 1, created },
  })
  assert.equal(AuditRecordV3.parse(JSON.parse(text)).outcome?.status, 'refused')

  const stray = makeRecord(activity, { ...message, subject: 'activity.default.a.b.c' }, { created, previous: 1 })
  assert.deepEqual([stray.tenant, stray.event, stray.kind], ['invalid', 'invalid', 'activity'])
})

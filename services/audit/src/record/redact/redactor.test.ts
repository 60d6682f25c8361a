import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  AuditRecord,
  callIdFromKey,
  exactNumbersMeta,
  findPlaces,
  isOriginal,
  type JsonObject,
  makeEvent,
  newCallId,
  parseJsonPath,
  redactionSalt,
  subjects,
} from '@countersign/contracts'
import { maxEntryBytes } from '@countersign/tlog'
import { requestedFixture } from '@countersign/testing'
import { makeRecord } from '../make-record.ts'
import { calls } from '../record-source.ts'
import type { NarrowRule } from '../event-rules.ts'
import { readRedactionSettings } from './redaction-rules.ts'
import { Redactor } from './redactor.ts'

const key = Buffer.alloc(32, 1)
const stream = { created: '2026-11-22T09:00:00Z', seq: 7 }

function sealed(
  rules: Partial<NarrowRule>[],
  args: JsonObject,
  redactor?: Redactor,
  more: { callId?: string; tool?: string } = {},
): AuditRecord {
  const data = requestedFixture(more, args)
  const message = {
    subject: subjects.call(data, 'requested'),
    data: Buffer.from(JSON.stringify(makeEvent('requested', data, { now: new Date() }))),
    seq: stream.seq,
    storedAt: new Date(),
  }
  const by =
    redactor ??
    new Redactor(
      rules.map((rule) => ({ servers: ['*'], in: 'arguments', path: '$.x', ...rule })),
      key,
    )
  const { text, entry } = makeRecord(calls, message, { created: stream.created, previous: 6 }, { redactor: by })
  assert.ok(entry.length <= maxEntryBytes)
  return AuditRecord.parse(JSON.parse(text))
}

test('paths name members, elements and members at any depth', () => {
  const value = { a: [{ b: 1, 'x/y~': 2 }, { b: { b: 3 } }], b: 4 }
  const found = (path: string) => findPlaces(value, parseJsonPath(path)).map(({ pointer }) => pointer)
  assert.deepEqual(found('$.b'), ['/b'])
  assert.deepEqual(found('$.a[1].b'), ['/a/1/b'])
  assert.deepEqual(found('$.a[*].b'), ['/a/0/b', '/a/1/b'])
  assert.deepEqual(found('$..b'), ['/a/0/b', '/a/1/b', '/b'])
  assert.deepEqual(found("$.a[0]['x/y~']"), ['/a/0/x~1y~0'])
  assert.deepEqual(found('$.*'), ['/a', '/b'])
  assert.deepEqual(found('$.none[3]..x'), [])
  for (const bad of ['a', '$.', '$[', '$.a b', '$[?(@.x)]', '$...a']) assert.throws(() => parseJsonPath(bad), /path/)
})

test('I9: what is redacted is nowhere in the record, and its original is proven by its salt alone', () => {
  const secret = { password: 'hunter2', nested: [{ password: { deep: 'hunter3' } }], user: 'ann' }
  const record = sealed([{ path: '$..password' }, { path: '$.nested' }], secret)
  assert.ok(!JSON.stringify(record).includes('hunter'))
  const { arguments: args } = record.cloudEvent['data'] as JsonObject
  assert.deepEqual(args, { inline: { password: '[redacted]', nested: '[redacted]', user: 'ann' } })
  const originals = { '/data/arguments/inline/password': 'hunter2' }
  for (const [path, original] of Object.entries(originals)) {
    const redaction = record.redactions!.find((each) => each.path === path)!
    const salt = redactionSalt(key, { tenant: 'default', stream, path })
    assert.ok(isOriginal(redaction, salt, original))
    assert.ok(!isOriginal(redaction, salt, 'hunter3'))
    assert.ok(!isOriginal(redaction, redactionSalt(key, { tenant: 'default', stream, path: '/other' }), original))
  }
})

test('a rule is for the servers it names, and for its part of an event', () => {
  const args = { token: 'secret' }
  assert.equal(sealed([{ servers: ['kube*'], path: '$.token' }], args).redactions, undefined)
  assert.equal(sealed([{ servers: ['fi*'], path: '$.token' }], args).redactions?.length, 1)
  assert.equal(sealed([{ in: 'result', path: '$.token' }], args).redactions, undefined)
  const record = sealed([{ in: 'event', path: '$.principal' }], args)
  assert.deepEqual([record.who?.principal, record.redactions?.[0]?.path], ['[redacted]', '/data/principal'])
})

test('R24: a rule of a policy is for its tenants and tools, and when no policy says it any more, for calls that began before', () => {
  const args = { token: 'secret' }
  const began = Date.parse('2026-11-22T09:00:00Z')
  const taken = (rule: Partial<NarrowRule>, more: { callId?: string; tool?: string } = {}) =>
    sealed([{ path: '$.token', ...rule }], args, undefined, more).redactions !== undefined
  assert.ok(taken({ tenants: ['def*'], tools: ['read_*'] }))
  assert.ok(!taken({ tenants: ['acme'] }))
  assert.ok(!taken({ tools: ['write_*'] }))
  const call = { callId: newCallId(began) }
  assert.ok(taken({ until: '2026-11-22T09:00:01Z' }, call))
  assert.ok(taken({ until: '2026-11-22T08:55:00Z' }, call), 'clocks may differ')
  assert.ok(!taken({ until: '2026-11-22T08:00:00Z' }, call))
  assert.ok(taken({ until: '2026-11-22T08:00:00Z' }, { callId: callIdFromKey('default', 'agent', 'key') }), 'not known')
})

test('of a part with very many redactions all is taken out at once, of an event with too long ones all of its data', () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, { s: `hunter${index}` }]))
  const pathsOf = (record: AuditRecord) => record.redactions!.map(({ path }) => path)
  for (const part of ['arguments', 'event'] as const) {
    const record = sealed([{ in: part, path: '$..s' }], many)
    const { principal } = record.cloudEvent['data'] as JsonObject
    const path = part === 'event' ? '/data/arguments' : '/data/arguments/inline'
    assert.deepEqual([principal, pathsOf(record), record.who?.principal], ['agent', [path], 'agent'])
    assert.ok(!JSON.stringify(record).includes('hunter'))
  }
  const record = sealed([{ path: '$..s' }], { ['k'.repeat(30_000)]: { s: 'hunter2' } })
  assert.deepEqual(
    [record.cloudEvent['data'], pathsOf(record), record.who?.principal],
    ['[redacted]', ['/data'], 'agent'],
  )
  assert.ok(!JSON.stringify(record).includes('hunter'))
})

test('I7: rules that cannot be understood, or have no key, stop audit with the reason', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-redact-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(dir, name), content)
    return join(dir, name)
  }
  const good = file('good.json', '[{"in":"result","path":"$..data","servers":["kubernetes*"]}]')
  assert.deepEqual(readRedactionSettings(undefined, undefined), { rules: [], key: undefined })
  assert.equal(readRedactionSettings(good, file('key', key)).rules.length, 1)
  assert.throws(() => readRedactionSettings(good, undefined), /need a key/)
  assert.throws(() => readRedactionSettings(good, file('short', 'abc')), /fewer than 32 bytes/)
  for (const bad of [
    '{',
    '[{"in":"result"}]',
    '[{"in":"x","path":"$.a"}]',
    '[{"in":"result","path":"a"}]',
    '[{"in":"result","path":"$"}]',
    '[{"in":"result","path":"$.a","more":1}]',
  ]) {
    assert.throws(() => readRedactionSettings(file('bad.json', bad), join(dir, 'key')), /bad\.json cannot be used/)
  }
})

test('I9: who has a place in a result taken out has the digits of the numbers in it taken out, too', () => {
  const meta = { [exactNumbersMeta]: { '/structuredContent/account': '9007199254740993' } }
  const result = { content: [], structuredContent: { account: 9007199254740992, open: true }, _meta: meta }
  const redacted = (rule: Partial<NarrowRule>) => {
    const event = { data: { tool: 't', result: { inline: structuredClone(result) } } }
    const by = new Redactor([{ servers: ['*'], in: 'result', path: '$.x', ...rule }], key)
    const redactions = by.redact(event, { tenant: 'default', server: 'files', stream })
    return { event, paths: redactions.map(({ path }) => path) }
  }
  const digits = '/data/result/inline/_meta/countersign.dev~1exact-numbers'
  for (const rule of [
    { path: '$.structuredContent.account' },
    { path: '$..account' },
    { in: 'event', path: '$.result.inline.structuredContent.account' },
  ] as const) {
    const { event, paths } = redacted(rule)
    assert.deepEqual(paths, ['/data/result/inline/structuredContent/account', digits])
    assert.ok(!JSON.stringify(event).includes('900719925474099'))
  }
  assert.deepEqual(redacted({ path: '$.structuredContent.none' }).paths, [])
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  AuditRecordV3,
  callFieldsOf,
  canonicalJson,
  digestOf,
  type Json,
  type JsonObject,
  makeEvent,
  subjects,
  unreadableMark,
} from '@countersign/contracts'
import { inTransaction, openKeyDatabase, openKeyEncryptionKeys, SubjectKeys } from '@countersign/subject-keys'
import { allowedFixture, type Cleanup, newGrantSigner, requestedFixture } from '@countersign/testing'
import { maxEntryBytes } from '@countersign/tlog'
import type { EventRule } from '../event-rules.ts'
import { makeRecord } from '../make-record.ts'
import { calls } from '../record-source.ts'
import { Redactor } from '../redact/redactor.ts'
import { Encryptor } from './encryptor.ts'
import { openSealed } from './open-record.ts'
import { defaultPersonalRules, readPersonalRules } from './personal-rules.ts'

const created = '2026-11-22T09:00:00Z'
const storedAt = new Date('2026-11-22T10:00:00Z')

/** Keys in a folder that goes away with the test. */
async function keysOf(t: Cleanup) {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-encrypt-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'kek'), randomBytes(32).toString('base64'))
  const database = openKeyDatabase(join(dir, 'keys'))
  t.after(() => database.close())
  const keks = await openKeyEncryptionKeys(join(dir, 'kek'))
  const keys = new SubjectKeys(database, keks)
  return {
    dir,
    keys,
    encryptor: (rules: readonly EventRule[] = defaultPersonalRules) => new Encryptor(rules, keys, keks),
    erase: (subject: string) => inTransaction(database, () => keys.eraseSubject('default', subject)),
  }
}

type Call = ReturnType<typeof requestedFixture>

/** The sealed form of an event. */
function sealedBy(encryptor: Encryptor, name: string, data: object, seq = 7, redactor?: Redactor) {
  const event = makeEvent(name as 'requested', data as Call, { now: storedAt })
  const message = {
    subject: subjects.call(data as Call, name),
    data: Buffer.from(JSON.stringify(event)),
    seq,
    storedAt,
  }
  const made = makeRecord(calls, message, { created, previous: seq - 1 }, { encryptor, redactor })
  encryptor.persist()
  const record = AuditRecordV3.parse(JSON.parse(made.text))
  assert.equal(made.text, canonicalJson(record as unknown as Json))
  return { event, made, sealed: { index: 0, leafHash: '', record } }
}

const args = { to: 'ann@example.com', amount: 4711 }

function allowedOf(call: Call) {
  const at = storedAt.toISOString()
  return allowedFixture(newGrantSigner(), call, args, {
    definitionDigest: digestOf('definition'),
    approvals: [{ approver: 'bob', at, digest: call.digest }],
  })
}

test('R28: what is personal is nowhere in the record, opens with the keys, and is gone without them', async (t) => {
  const { keys, encryptor, erase } = await keysOf(t)
  const by = encryptor()
  const requested = requestedFixture({}, args)
  const { event, made, sealed } = sealedBy(by, 'requested', requested)
  const hidden = ['ann@example.com', '4711', digestOf(args).slice(7), Buffer.from('ann@example').toString('base64')]
  for (const each of hidden) assert.ok(!made.text.includes(each) && !made.entry.includes(each), each)
  assert.deepEqual(openSealed(sealed, (id) => keys.find(id)).record.cloudEvent, event)
  assert.equal(openSealed(sealed, (id) => keys.find(id)).record.what?.digest, requested.digest)
  assert.equal(erase('nobody'), 0)
  assert.deepEqual(openSealed(sealed, (id) => keys.find(id)).record.cloudEvent, event)
  assert.equal(erase('agent'), 1)
  const { record } = openSealed(sealed, (id) => keys.find(id))
  assert.deepEqual((record.cloudEvent['data'] as JsonObject)['arguments'], { inline: '[erased]' })
  assert.equal(record.what?.digest, '[erased]')
  assert.equal(record.who?.principal, 'agent')
})

test('R28: the events of a call have its digest wrapped alike, those of another call another way', async (t) => {
  const { encryptor } = await keysOf(t)
  const by = encryptor()
  const call = requestedFixture({}, args)
  const allowed = allowedOf(call)
  const digests = [
    sealedBy(by, 'requested', call),
    sealedBy(by, 'allowed', allowed, 8),
    sealedBy(by, 'dispatched', { ...callFieldsOf(call), executor: 'e', attempt: 1 }, 9),
  ].map(({ sealed }) => sealed.record.what?.digest)
  assert.equal(new Set(digests).size, 1)
  const approved = sealedBy(by, 'allowed', allowed, 8).sealed.record
  assert.deepEqual(
    approved.approvals?.map(({ digest }) => digest),
    [digests[0]],
  )
  assert.notEqual(sealedBy(by, 'requested', requestedFixture({}, args)).sealed.record.what?.digest, digests[0])
})

test('R28: a grant, whose signature is over the digest, opens to what was signed', async (t) => {
  const { keys, encryptor, erase } = await keysOf(t)
  const call = requestedFixture({}, args)
  const allowed = allowedOf(call)
  const { grant } = allowed
  const { event, made, sealed } = sealedBy(encryptor(), 'allowed', allowed)
  assert.ok(!made.text.includes(grant.signature))
  assert.deepEqual(openSealed(sealed, (id) => keys.find(id)).record.cloudEvent, event)
  const digests = () => {
    const { what, approvals } = openSealed(sealed, (id) => keys.find(id)).record
    return [what?.digest, ...approvals!.map(({ digest }) => digest)]
  }
  assert.deepEqual(digests(), [call.digest, call.digest])
  erase('agent')
  assert.ok(!JSON.stringify(openSealed(sealed, (id) => keys.find(id))).includes(grant.signature))
  assert.deepEqual(digests(), ['[erased]', '[erased]'])
})

test('R28: the digest of a result reads as it is while its key is there, and erased after that', async (t) => {
  const { keys, encryptor, erase } = await keysOf(t)
  const resultDigest = digestOf('result')
  const succeeded = { ...callFieldsOf(requestedFixture({}, args)), result: { text: 'hi' }, resultDigest }
  const { sealed } = sealedBy(encryptor(), 'succeeded', succeeded)
  const opened = () => openSealed(sealed, (id) => keys.find(id)).record
  assert.match(sealed.record.outcome!.resultDigest!, /^a256kw:/)
  assert.equal(opened().outcome?.resultDigest, resultDigest)
  erase('agent')
  assert.equal(opened().outcome?.resultDigest, '[erased]')
  assert.doesNotMatch(JSON.stringify(opened()), /a256kw:/)
})

test('R28: sealed again after a crash, an event has the same bytes; another one has another nonce', async (t) => {
  const { encryptor, erase } = await keysOf(t)
  const by = encryptor()
  const call = requestedFixture({}, args)
  const first = sealedBy(by, 'requested', call).made.text
  assert.equal(sealedBy(by, 'requested', call).made.text, first)
  const nonces = (text: string) => text.match(/eyJ[\w-]+\.\.([\w-]{16})\./g)!
  const others = [sealedBy(by, 'requested', call, 8), sealedBy(by, 'requested', { ...call, arguments: { inline: {} } })]
  const all = [first, ...others.map(({ made }) => made.text)].flatMap(nonces)
  assert.equal(new Set(all).size, all.length)
  erase('agent')
  assert.notEqual(sealedBy(by, 'requested', call).made.text, first)
})

test('results, errors of tools, votes and rulings have their content encrypted; names, times and outcomes stay', async (t) => {
  const { keys, encryptor } = await keysOf(t)
  const by = encryptor()
  const call = callFieldsOf(requestedFixture({}, args))
  const events: [name: string, data: JsonObject, secret: string][] = [
    ['succeeded', { result: { inline: { text: 'hunter2' } }, resultDigest: digestOf({}), toolError: false }, 'hunter2'],
    ['failed', { error: { code: 'upstream_error', message: 'no file hunter2' }, durationMs: 1 }, 'hunter2'],
    ['failed', { error: { code: 'x', message: 'y' }, upstream: { code: 1, message: 'hunter2' } }, 'hunter2'],
    ['voted', { approver: 'bob', groups: [], vote: 'approve', comment: 'hunter2 is fine' }, 'hunter2'],
    ['resolved', { operator: 'op', outcome: 'ran', evidence: 'hunter2 is there' }, 'hunter2'],
    ['previewed', { preview: 'hunter2 goes', previewDigest: digestOf('hunter2 goes') }, digestOf('hunter2 goes')],
    ['requested', { arguments: { stored: { ref: 'r', digest: digestOf(args), size: 3 } } }, digestOf(args)],
  ]
  for (const [name, more, secret] of events) {
    const { event, made, sealed } = sealedBy(by, name, { ...call, ...more })
    assert.ok(!made.text.includes(secret), name)
    assert.deepEqual(openSealed(sealed, (id) => keys.find(id)).record.cloudEvent, event, name)
    assert.deepEqual([sealed.record.who?.principal, sealed.record.what?.tool], ['agent', 'read_file'])
  }
})

test('rules choose servers and places; redactions stay redacted when the rest is opened', async (t) => {
  const { keys, encryptor } = await keysOf(t)
  const rule = (more: Partial<EventRule>): EventRule => ({ servers: ['*'], in: 'arguments', path: '$', ...more })
  const call = requestedFixture({}, { password: 'hunter2', user: 'ann', note: 'n' })
  const untouched = sealedBy(encryptor([rule({ servers: ['kube*'] })]), 'requested', call)
  assert.deepEqual(
    [untouched.sealed.record.encrypted, untouched.sealed.record.cloudEvent],
    [undefined, untouched.event],
  )
  // One inside another, in either order.
  for (const rules of [
    [rule({ path: '$.user' }), rule({})],
    [rule({}), rule({ path: '$.user' })],
  ]) {
    const { event, sealed } = sealedBy(encryptor(rules), 'requested', call)
    assert.deepEqual(openSealed(sealed, (id) => keys.find(id)).record.cloudEvent, event)
  }
  const redactor = new Redactor([rule({ path: '$.password' })], Buffer.alloc(32, 1))
  const { made, sealed } = sealedBy(encryptor([rule({ path: '$.user' })]), 'requested', call, 7, redactor)
  assert.ok(!made.text.includes('hunter2') && !made.text.includes('ann') && made.text.includes('"note":"n"'))
  const { data } = openSealed(sealed, (id) => keys.find(id)).record.cloudEvent as { data: JsonObject }
  assert.deepEqual(data['arguments'], { inline: { password: '[redacted]', user: 'ann', note: 'n' } })
})

test('a ciphertext that was moved to another record does not open there', async (t) => {
  const { keys, encryptor } = await keysOf(t)
  const by = encryptor()
  const secret = sealedBy(by, 'requested', requestedFixture({}, args), 7).sealed.record
  const other = sealedBy(by, 'requested', requestedFixture({}, {}), 8).sealed.record
  const moved = structuredClone(other)
  ;(moved.cloudEvent['data'] as JsonObject)['arguments'] = (secret.cloudEvent['data'] as JsonObject)['arguments']!
  for (const encrypted of [other.encrypted!, secret.encrypted!]) {
    const { record } = openSealed({ index: 0, leafHash: '', record: { ...moved, encrypted } }, (id) => keys.find(id))
    assert.deepEqual((record.cloudEvent['data'] as JsonObject)['arguments'], { inline: unreadableMark })
  }
})

test('very many places, and content beside the log, are encrypted too', async (t) => {
  const { keys, encryptor } = await keysOf(t)
  const rules: EventRule[] = [{ servers: ['*'], in: 'arguments', path: '$..s' }]
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`k${at}`, { s: `hunter${at}` }]))
  const large = { text: 'hunter2 '.repeat(20_000) }
  for (const [by, content] of [
    [encryptor(rules), many],
    [encryptor(rules), { ['k'.repeat(30_000)]: { s: 'hunter2' } }],
    [encryptor(), large],
  ] as const) {
    const { event, made, sealed } = sealedBy(by, 'requested', requestedFixture({}, content))
    assert.ok(!made.text.includes('hunter') && !made.content?.bytes.includes('hunter'))
    assert.ok(made.entry.length <= maxEntryBytes)
    assert.deepEqual(openSealed(sealed, (id) => keys.find(id)).record.cloudEvent, event)
  }
})

test('I7: nothing is sealed in the clear or without its content when a key cannot be had', async (t) => {
  const { dir, keys, encryptor } = await keysOf(t)
  const by = encryptor()
  sealedBy(by, 'requested', requestedFixture({}, args))
  keys.forgetCached()
  writeFileSync(join(dir, 'kek'), randomBytes(32).toString('base64'))
  const other = await openKeyEncryptionKeys(join(dir, 'kek'))
  const database = openKeyDatabase(join(dir, 'keys'))
  t.after(() => database.close())
  const without = new Encryptor(defaultPersonalRules, new SubjectKeys(database, other), other)
  assert.throws(
    () => sealedBy(without, 'requested', requestedFixture({}, args)),
    /cannot be encrypted: the key \S+ of a subject is wrapped with the key-encryption key \w+, which the file does not have/,
  )
})

test('I7: rules that cannot be understood stop audit with the reason', async (t) => {
  const { dir, encryptor } = await keysOf(t)
  const file = (text: string) => {
    writeFileSync(join(dir, 'rules.json'), text)
    return join(dir, 'rules.json')
  }
  assert.deepEqual(readPersonalRules(file('[{"in":"result","path":"$.a"}]')), [
    { servers: ['*'], in: 'result', path: '$.a' },
  ])
  for (const bad of ['{', '[{"in":"x","path":"$"}]', '[{"in":"result","path":"$.a","more":1}]'])
    assert.throws(() => readPersonalRules(file(bad)), /rules\.json, cannot be used/)
  assert.throws(() => encryptor([{ servers: ['*'], in: 'event', path: '$' }]), /names all of event/)
})

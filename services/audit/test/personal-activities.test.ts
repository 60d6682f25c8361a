import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { encode } from '@countersign/bus'
import {
  type ActivityEventData,
  type ActivityEventName,
  AuditRecordV3,
  makeActivityEvent,
  type Principal,
  redactedMark,
  type SealedRecord,
  subjects,
  verbs,
} from '@countersign/contracts'
import { openKeyReader } from '@countersign/subject-keys'
import { type Cleanup, startTestBus, until } from '@countersign/testing'
import { verifyContent } from '@countersign/tlog'
import { expireContent } from '../src/erasure/expire-content.ts'
import { openPersonal } from '../src/erasure/open-personal.ts'
import { readRetention } from '../src/erasure/retention-document.ts'
import { openingOf, rowOf } from '../src/index/row-of.ts'
import { openSealed } from '../src/record/encrypt/open-record.ts'
import type { EventRule } from '../src/record/event-rules.ts'
import { makeRecord } from '../src/record/make-record.ts'
import { activity } from '../src/record/record-source.ts'
import { Redactor } from '../src/record/redact/redactor.ts'
import { auditFolder, readAudit, startAudit, verifyFolder } from './harness.ts'
import { filesWith, personalKeys, personalSettings } from './personal.ts'

const operator: Principal = { id: 'oscar', tenant: 'default', groups: ['operators'] }
const storedAt = new Date('2026-11-22T10:00:00Z')

function signedIn(by: string, address: string): ActivityEventData<'signed_in'> {
  return { tenant: 'default', resource: { type: 'session', name: 'console' }, by, groups: ['sre'], address }
}

/** Tokens were refused, which are nobody's; `by` is who refused them. */
function refused(...addresses: string[]): ActivityEventData<'sign_in_refused'> {
  const times = { count: addresses.length, since: storedAt.toISOString(), until: storedAt.toISOString() }
  const from = addresses.map((address) => ({ address, count: 1 }))
  return {
    ...{ tenant: 'default', resource: { type: 'session', name: 'console' }, by: 'console' },
    ...{ ...times, addresses: from },
  }
}

/** The sealed form of an activity. */
function sealedOf<N extends ActivityEventName>(
  name: N,
  data: ActivityEventData<N>,
  protection: Parameters<typeof makeRecord>[3],
): SealedRecord & { record: AuditRecordV3 } {
  const event = makeActivityEvent(name, data, { now: storedAt })
  const message = { subject: subjects.activity('default', name), data: encode(event), seq: 7, storedAt }
  const { text } = makeRecord(activity, message, { created: '2026-11-22T09:00:00Z', previous: 6 }, protection)
  return { index: 0, leafHash: '', record: AuditRecordV3.parse(JSON.parse(text)) }
}

const dataOf = ({ record }: SealedRecord) => record.cloudEvent['data']
const rule = (path: string, more: Partial<EventRule> = {}): EventRule => ({
  ...{ servers: ['*'], in: 'activity', path },
  ...more,
})
const byDefault = ['$.address', '$.addresses[*].address'].map((path) => rule(path))

test('R28: where people came from is encrypted with the keys of who it was, and opens and goes with them', async (t) => {
  const { keys, encryptor, erase } = await personalKeys(t)
  const protection = { encryptor: encryptor(byDefault) }
  const open = (sealed: SealedRecord) => dataOf(openSealed(sealed, (id) => keys.find(id)))
  const told = { ann: signedIn('ann', '192.0.2.7'), nobody: refused('192.0.2.8', '192.0.2.9') }
  const ann = sealedOf('signed_in', told.ann, protection)
  const nobody = sealedOf('sign_in_refused', told.nobody, protection)
  const texts = JSON.stringify([ann, nobody])
  assert.ok(!texts.includes('192.0.2'))
  assert.deepEqual([open(ann), open(nobody)], [told.ann, told.nobody])
  const kindsOf = (subject: string) => keys.ofSubject('default', subject).map(({ kind, period }) => `${kind} ${period}`)
  keys.persist()
  assert.deepEqual([kindsOf('ann'), kindsOf('')], [['activity 2026-11'], ['activity 2026-11']])
  assert.deepEqual(kindsOf('console'), [])
  assert.equal(erase('ann'), 1)
  assert.deepEqual([open(ann), open(nobody)], [{ ...told.ann, address: '[erased]' }, told.nobody])
  const { who, outcome } = openSealed(ann, (id) => keys.find(id)).record
  assert.deepEqual([who?.principal, who?.groups, outcome?.status], ['ann', ['sre'], 'succeeded'])
})

test('R28: rules of activities are for activities, and those of calls for calls; what a rule names is not in the index', async (t) => {
  const { keys, encryptor } = await personalKeys(t)
  const ofCalls = encryptor([rule('$.address', { in: 'event' }), rule('$', { in: 'arguments' })])
  assert.equal(sealedOf('signed_in', signedIn('ann', '192.0.2.7'), { encryptor: ofCalls }).record.encrypted, undefined)
  assert.throws(() => encryptor([rule('$')]), /names all of activity/)
  const person = sealedOf('signed_in', signedIn('ann', '192.0.2.7'), { encryptor: encryptor([rule('$.by')]) })
  assert.ok(!JSON.stringify(person).includes('ann'))
  const opened = openSealed(person, (id) => keys.find(id))
  assert.equal(opened.record.who?.principal, 'ann')
  const row = rowOf(
    openSealed(person, (id) => keys.find(id), openingOf),
    { offset: 0, bytes: 0 },
  )
  assert.deepEqual([row.event, row.principal], ['signed_in', '[personal]'])
  // Whoever runs audit may take it out for good.
  const redactor = new Redactor([rule('$.address')], Buffer.alloc(32, 1))
  const both = sealedOf('signed_in', signedIn('ann', '192.0.2.7'), { redactor, encryptor: encryptor(byDefault) })
  const { record } = openSealed(both, (id) => keys.find(id))
  assert.deepEqual(record.cloudEvent['data'], { ...signedIn('ann', '192.0.2.7'), address: redactedMark })
})

test('R30: addresses have a time of their own, after which they go, nobody’s too', async (t) => {
  const settings = await personalSettings(await auditFolder(t))
  const [keysDir, kekFile] = Object.values(settings)
  const personal = (await openPersonal({ keysDir, kekFile }, { onProblem() {} }, () => Promise.resolve([])))!
  t.after(() => personal.database.close())
  const { encryptor, keys } = personal
  const sealed = [
    sealedOf('signed_in', signedIn('ann', '192.0.2.7'), { encryptor }),
    sealedOf('sign_in_refused', refused('192.0.2.8'), { encryptor }),
  ]
  encryptor.persist()
  const erased = () =>
    sealed.filter((each) => JSON.stringify(openSealed(each, (id) => keys.find(id))).includes('[erased]'))
  const retention = readRetention(
    'apiVersion: countersign.dev/v1alpha1\nkind: AuditRetention\nmetadata: { name: r }\nspec: { default: { event: 1d, activity: 30d } }',
  )
  assert.equal(await expireContent(personal, retention, new Date('2026-12-20T00:00:00Z')), 0)
  personal.holds.place({ tenant: 'default', subject: 'ann', reason: 'r', placedBy: 'oscar', placedAt: 'now' })
  assert.equal(await expireContent(personal, retention, new Date('2027-01-02T00:00:00Z')), 1)
  assert.deepEqual(erased(), [sealed[1]])
  personal.holds.lift('default', 1)
  assert.equal(await expireContent(personal, retention, new Date('2027-01-02T00:00:00Z')), 1)
  assert.deepEqual(erased(), sealed)
})

test(
  'R28, R29: an erasure reaches the addresses of its subject, in the log, for operators and in the files of audit',
  { timeout: 120_000 },
  async (t: Cleanup) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const settings = await personalSettings(folder)
    const audit = await startAudit(t, testBus, folder, settings)
    const [reader, console] = await Promise.all([testBus.connect('audit'), testBus.connect('console')])
    const tell = <N extends ActivityEventName>(name: N, data: ActivityEventData<N>) => {
      const event = makeActivityEvent(name, data, { now: new Date() })
      const message = { subject: subjects.activity('default', name), data: encode(event), msgId: event.id }
      return console.store(message, Date.now() + 10_000)
    }
    const addresses = { ann: '192.0.2.171', bob: '192.0.2.172', nobody: '192.0.2.173' }
    await tell('signed_in', signedIn('ann', addresses.ann))
    await tell('signed_in', signedIn('bob', addresses.bob))
    await tell('sign_in_refused', refused(addresses.nobody))
    await until(async () => (await readAudit(reader)).length === 3, 'all is sealed')
    assert.ok(!JSON.stringify(await readAudit(reader)).includes('192.0.2'))
    const shown = async () => {
      const { records } = await console.callApi(verbs.audit.records, {
        tenant: 'default',
        until: '2100-01-01T00:00:00Z',
      })
      const text = JSON.stringify(records.map(({ record }) => record.cloudEvent))
      return [...Object.values(addresses), '[erased]'].map((each) => text.includes(each))
    }
    const isIndexed = async () => (await console.callApi(verbs.audit.index, { tenant: 'default' })).indexed === 3
    await until(isIndexed, 'all is indexed', 60_000)
    assert.deepEqual(await shown(), [true, true, true, false])
    const erased = await console.callApi(verbs.audit.erase, { operator, subject: 'ann', reason: 'asked' }, 20_000)
    assert.equal(erased.keys, 1)
    assert.deepEqual(await shown(), [false, true, true, true])
    await until(async () => (await readAudit(reader)).length === 4, 'the erasure is sealed')
    const { find, close } = await openKeyReader(...(Object.values(settings) as [string, string]))
    assert.deepEqual(await verifyContent({ dir: folder.dir }, find), { opened: 2, erased: 1, problems: [] })
    close()
    await audit.stop('SIGTERM')
    assert.deepEqual(await verifyFolder(folder.dir), { records: 4, problems: [] })
    for (const address of Object.values(addresses)) assert.deepEqual(filesWith(dirname(folder.dir), address), [])
  },
)

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Principal } from '@countersign/contracts'
import { type Cleanup, startTestBus } from '@countersign/testing'
import { eraseSubject } from '../src/erasure/erase-subject.ts'
import { Erasure, type ErasureOptions } from '../src/erasure/erasure.ts'
import { openPersonal } from '../src/erasure/open-personal.ts'
import { readRetention } from '../src/erasure/retention-document.ts'
import { auditFolder } from './harness.ts'
import { personalSettings } from './personal.ts'

const operator: Principal = { id: 'oscar', tenant: 'default', groups: ['operators'] }
const order = { operator, subject: 'ann', reason: 'r' }

const retention = (spec: string) =>
  readRetention(`apiVersion: countersign.dev/v1alpha1\nkind: AuditRetention\nmetadata: { name: r }\nspec: ${spec}\n`)

/** Erasure over keys in a folder and a real stream, in this process; what fails is set by the test. */
async function erasing(t: Cleanup, more: Partial<ErasureOptions> = {}) {
  const testBus = await startTestBus(t)
  const bus = await testBus.connect('audit')
  const settings = await personalSettings(await auditFolder(t))
  const { COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR: keysDir, COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE: kekFile } = settings
  const fails = { store: false, index: false }
  const forgotten: string[] = []
  const problems: unknown[] = []
  const clock = { now: new Date('2026-11-27T00:00:00Z') }
  const open = async () => {
    const personal = (await openPersonal({ keysDir, kekFile }, { everyMs: 0 }, async () => []))!
    t.after(() => {
      if (personal.database.isOpen) personal.database.close()
    })
    const erasure = new Erasure({
      personal,
      bus: {
        store: (...what) => (fails.store ? Promise.reject(new Error('no store')) : bus.store(...what)),
      },
      index: {
        async forget(tenant, { subjects, before }) {
          if (fails.index) throw new Error('no index')
          forgotten.push([tenant, ...subjects, ...(before ? [`before ${before.toISOString()}`] : [])].join(' '))
        },
        async forgetDeleted() {
          forgotten.push('files')
        },
      },
      callOf: (_tenant, callId) => Promise.reject(new Error(`no call ${callId}`)),
      retention: undefined,
      everyMs: { settle: 1000, expire: 0 },
      now: () => clock.now,
      onExpired: () => {},
      onRewrapped: () => {},
      onProblem: (error) => problems.push(error),
      ...more,
    })
    return { personal, erasure }
  }
  return {
    ...{ fails, forgotten, problems, clock, open, keysDir: keysDir!, kekFile: kekFile! },
    /** What was recorded, oldest first. */
    recorded: async () =>
      (await bus.readStream('LIFECYCLE', 1, { maxMessages: 1000, maxBytes: 2 ** 20 })).map(
        ({ data }) => JSON.parse(Buffer.from(data).toString()) as { id: string; type: string; data: { keys?: number } },
      ),
  }
}

function makeKey({ keys }: Awaited<ReturnType<typeof openPersonal>> & {}, subject: string, more = {}) {
  const key = keys.keyFor({ tenant: 'default', subject, kind: 'arguments', period: '2026-11', ...more })
  keys.persist()
  return key
}

test('R29, I12: an erasure that audit died after is recorded, once, and the index forgets, when it starts again', async (t) => {
  const at = await erasing(t)
  const first = await at.open()
  const { id } = makeKey(first.personal, 'ann')
  at.fails.store = at.fails.index = true
  const erased = await first.erasure.erase(order)
  assert.deepEqual([erased.keys, erased.settled, at.problems.length], [1, false, 1])
  assert.equal(first.personal.keys.find(id), undefined)
  first.personal.database.close()
  // As after a crash: another process, the same folder.
  at.fails.store = false
  const second = await at.open()
  await assert.rejects(second.erasure.keepUp(), /to be done again/)
  assert.deepEqual(
    (await at.recorded()).map((event) => event.id),
    [erased.id],
  )
  at.fails.index = false
  for (let round = 0; round < 2; round++) await second.erasure.keepUp()
  assert.deepEqual(
    (await at.recorded()).map((event) => event.id),
    [erased.id],
  )
  assert.deepEqual(at.forgotten, ['default ann', 'files'])
})

test('R29: an erasure that cannot be noted is not done', async (t) => {
  const at = await erasing(t)
  const { personal, erasure } = await at.open()
  const { id } = makeKey(personal, 'ann')
  personal.database.exec('ALTER TABLE deeds RENAME TO lost')
  await assert.rejects(erasure.erase(order), /no such table/)
  assert.ok(personal.keys.find(id))
  assert.deepEqual(await at.recorded(), [])
})

test('R29: when holds cannot be read nothing is erased, by order or by time', async (t) => {
  const at = await erasing(t, { retention: () => Promise.resolve(retention('{ default: { arguments: 1d } }')) })
  const { personal, erasure } = await at.open()
  const { id } = makeKey(personal, 'ann', { period: '2020-01' })
  personal.database.exec('ALTER TABLE holds RENAME TO lost')
  await assert.rejects(erasure.erase(order), /no such table/)
  await assert.rejects(erasure.keepUp(), /no such table/)
  assert.ok(personal.keys.find(id))
  assert.deepEqual(await at.recorded(), [])
})

test('R30: what is over its time is erased by tenant and kind, what is held is not, and it is recorded', async (t) => {
  const spec = '{ default: { arguments: 30d, result: 300d }, tenants: { acme: { arguments: forever } } }'
  const at = await erasing(t, { retention: () => Promise.resolve(retention(spec)) })
  const { personal, erasure } = await at.open()
  const made = new Map(
    [
      ...['2026-08', '2026-09', '2026-10', '2026-11'].map((period) => ({ period })),
      ...[
        { kind: 'result', period: '2026-01' },
        { kind: 'result', period: '2025-12' },
      ],
      ...[
        { kind: 'event', period: '2020-01' },
        { tenant: 'acme', period: '2020-01' },
      ],
      ...[{ tenant: 'held', period: '2020-01' }],
    ].map((more) => [Object.values(more).join(' '), makeKey(personal, 'ann', more).id]),
  )
  made.set('held', makeKey(personal, 'held', { period: '2026-08' }).id)
  await erasure.placeHold({ operator, subject: 'held', reason: 'r' })
  const overAll = await erasure.placeHold({ operator: { ...operator, tenant: 'held' }, subject: null, reason: 'r' })
  const gone = () => [...made].flatMap(([name, id]) => (personal.keys.find(id) ? [] : [name]))
  assert.deepEqual(gone(), [])
  await erasure.keepUp()
  // 30 days before the 27th of November it was still October.
  assert.deepEqual(gone(), ['2026-08', '2026-09', 'result 2025-12'])
  assert.deepEqual(at.forgotten, ['default before 2026-10-02T00:00:00.000Z', 'files'])
  const expired = (await at.recorded()).filter(({ type }) => type.endsWith('.expired.v1'))
  assert.deepEqual(
    expired.map(({ data }) => data.keys),
    [2, 1],
  )
  await erasure.keepUp()
  assert.equal((await at.recorded()).length, 4)
  at.clock.now = new Date('2026-12-01T00:00:00Z')
  erasure.liftHold({ operator: { ...operator, tenant: 'held' }, id: overAll.id, reason: 'r' })
  await erasure.keepUp()
  assert.deepEqual(gone(), ['2026-08', '2026-09', '2026-10', 'result 2026-01', 'result 2025-12', 'held 2020-01'])
})

test('R29, I12: deeds that wait for the index keep none after them from being recorded', async (t) => {
  const at = await erasing(t)
  const { personal, erasure } = await at.open()
  for (let place = 0; place < 110; place++) {
    makeKey(personal, `subject ${place}`)
    eraseSubject(personal, { ...order, subject: `subject ${place}` }, at.clock.now)
  }
  at.fails.index = true
  for (let round = 0; round < 2; round++) await assert.rejects(erasure.keepUp(), /to be done again/)
  assert.equal((await at.recorded()).length, 110)
  at.fails.index = false
  await erasure.keepUp()
  assert.deepEqual(personal.deeds.unapplied(1), [])
  // Once for all.
  assert.equal(at.forgotten.length, 2)
  assert.deepEqual(at.forgotten[0]!.split(' subject '), [
    'default',
    ...Array.from({ length: 110 }, (_, place) => String(place)),
  ])
})

test('R29, R30: all that was erased is one pass over the calls of a tenant, up to the latest month that is over', async (t) => {
  const at = await erasing(t, {
    retention: () => Promise.resolve(retention('{ default: { arguments: 30d, event: 90d } }')),
  })
  const { personal, erasure } = await at.open()
  for (const tenant of ['default', 'acme'])
    for (const period of ['2026-07', '2026-08', '2026-09'])
      for (const kind of ['arguments', 'event']) makeKey(personal, 'ann', { tenant, period, kind })
  makeKey(personal, 'bob')
  eraseSubject(personal, { ...order, subject: 'bob' }, at.clock.now)
  await erasure.keepUp()
  assert.deepEqual(at.forgotten.toSorted(), [
    'acme before 2026-10-02T00:00:00.000Z',
    'default before 2026-10-02T00:00:00.000Z',
    'default bob',
    'files',
    'files',
  ])
})

test('R30: a key that cannot be wrapped anew keeps nothing from being erased and settled', async (t) => {
  const at = await erasing(t, { retention: () => Promise.resolve(retention('{ default: { arguments: 1d } }')) })
  const { personal, erasure } = await at.open()
  const over = makeKey(personal, 'ann', { period: '2020-01' })
  const broken = makeKey(personal, 'bob')
  const old = readFileSync(at.kekFile, 'utf8')
  writeFileSync(at.kekFile, `${Buffer.alloc(32, 5).toString('base64')}\n${old}`)
  personal.database.prepare('UPDATE keys SET wrapped = ? WHERE id = ?').run(Buffer.alloc(40), broken.id)
  await assert.rejects(erasure.keepUp())
  assert.equal(personal.keys.find(over.id), undefined)
  assert.equal((await at.recorded()).length, 1)
})

test('R29, R30: a legal hold over one call keeps the months of that call, and no others of its subject', async (t) => {
  const held = {
    callId: '01a202b2-c500-7a3c-9b1e-5d2f40c6e871',
    subject: 'ann',
    fromPeriod: '2026-08',
    toPeriod: '2026-08',
  }
  const at = await erasing(t, {
    retention: () => Promise.resolve(retention('{ default: { arguments: 30d, result: 30d } }')),
    callOf: () => Promise.resolve(held),
  })
  const { personal, erasure } = await at.open()
  const made = ['2026-07', '2026-08', '2026-09'].flatMap((period) =>
    ['arguments', 'result'].flatMap((kind) =>
      ['ann', 'bob'].map(
        (subject) => [`${subject} ${kind} ${period}`, makeKey(personal, subject, { kind, period }).id] as const,
      ),
    ),
  )
  const { id } = await erasure.placeHold({ operator, callId: held.callId, reason: 'case 17' })
  const kept = () => made.flatMap(([name, key]) => (personal.keys.find(key) ? [name] : []))
  await erasure.keepUp()
  assert.deepEqual(kept(), ['ann arguments 2026-08', 'ann result 2026-08'])
  await assert.rejects(erasure.erase(order), {
    code: 'legal_hold',
    message: /hold \d+ over call 01a202b2-\S+ of ann, placed by oscar .*case 17/,
  })
  assert.deepEqual(
    erasure.holds(operator).map(({ subject, callId }) => [subject, callId]),
    [['ann', held.callId]],
  )
  await assert.rejects(erasure.placeHold({ operator, callId: held.callId, subject: 'ann', reason: 'r' }), {
    code: 'invalid_params',
  })
  await assert.rejects(erasure.placeHold({ operator, reason: 'r' }), { code: 'invalid_params' })
  erasure.liftHold({ operator, id, reason: 'closed' })
  await erasure.keepUp()
  assert.deepEqual(kept(), [])
  const about = (await at.recorded()).filter(({ type }) => type.includes('.hold_'))
  assert.deepEqual(
    about.map(({ type, data }) => [type.split('.').at(-2), (data as { callId?: string }).callId]),
    [
      ['hold_placed', held.callId],
      ['hold_lifted', held.callId],
    ],
  )
})

test('a database of holds from before they could be over one call is taken on', async (t) => {
  const at = await erasing(t)
  const first = await at.open()
  const { id } = await first.erasure.placeHold(order)
  for (const column of ['callId', 'fromPeriod', 'toPeriod'])
    first.personal.database.exec(`ALTER TABLE holds DROP COLUMN ${column}`)
  first.personal.database.close()
  const second = await at.open()
  assert.deepEqual(
    second.erasure.holds(operator).map((hold) => [hold.id, hold.subject]),
    [[id, 'ann']],
  )
})

test('the number of a legal hold that was lifted is not given again', async (t) => {
  const at = await erasing(t)
  const { erasure } = await at.open()
  const first = await erasure.placeHold(order)
  erasure.liftHold({ operator, id: first.id, reason: 'r' })
  assert.notEqual((await erasure.placeHold(order)).id, first.id)
})

test('keys are wrapped with the newest key-encryption key by themselves', async (t) => {
  let rewrapped = 0
  const at = await erasing(t, { onRewrapped: (keys) => void (rewrapped += keys) })
  const { personal, erasure } = await at.open()
  const scope = { tenant: 'default', kind: 'arguments', period: '2026-11' }
  for (let subject = 0; subject < 1200; subject++) personal.keys.keyFor({ ...scope, subject: `subject ${subject}` })
  personal.keys.persist()
  const old = readFileSync(at.kekFile, 'utf8')
  writeFileSync(at.kekFile, `${Buffer.alloc(32, 5).toString('base64')}\n${old}`)
  await erasure.keepUp()
  assert.equal(rewrapped, 1200)
  assert.equal(personal.keys.rewrap(1), 0)
})

test('a retention document that cannot be used is refused with line, column and reason', () => {
  for (const [spec, problem] of [
    [
      '{ default: { argumets: 30d } }',
      /^Error: line 4, column 20: unknown key `argumets` in `spec.default`, did you mean/,
    ],
    ['{ default: { arguments: 30 } }', /line 4, column 31: `spec.default.arguments` must be text, not 30/],
    ['{ default: { arguments: 3 months } }', /must be a whole number of days, like 90d, or forever, not "3 months"/],
    ['{ tenants: { NO_LABEL: {} } }', /line 4, column \d+: .*tenants/],
    ['{ tenants: { acme: { argumets: 30d } } }', /line 4, column \d+: .*argumets/],
  ] as const) {
    assert.throws(() => retention(spec), problem)
  }
  assert.throws(() => readRetention('a: [1\n'), /line \d+, column \d+: not valid YAML/)
  assert.throws(() => readRetention(''), /must have one document of kind AuditRetention, and has 0/)
})

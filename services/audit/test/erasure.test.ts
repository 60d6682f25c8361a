import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import {
  type Json,
  type JsonObject,
  type Principal,
  type SealedRecord,
  subjectKey,
  verbs,
} from '@countersign/contracts'
import { openKeyReader } from '@countersign/subject-keys'
import { findGo, startTestBus, until } from '@countersign/testing'
import { describeProblem, proveCallFrom, verifyCallProof, verifyContent } from '@countersign/tlog'
import {
  auditFolder,
  callWriter,
  openTestLog,
  readAudit,
  readLog,
  startAudit,
  verifyFolder,
  whenIndexed,
} from './harness.ts'
import { filesWith, personalSettings } from './personal.ts'

const run = promisify(execFile)
const go = await findGo()
const operator: Principal = { id: 'oscar', tenant: 'default', groups: ['operators'] }
const secret = 'hunter2 and ann@example.com'

function argumentsOf({ cloudEvent }: { cloudEvent: JsonObject }): Json | undefined {
  return ((cloudEvent['data'] as JsonObject)['arguments'] as JsonObject)['inline']
}

test(
  'R28, R29: what is erased is gone from everywhere, by whom is sealed, and the log verifies as before',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const audit = await startAudit(t, testBus, folder, await personalSettings(folder))
    const writer = await callWriter(testBus)
    const [reader, console] = await Promise.all([testBus.connect('audit'), testBus.connect('console')])
    const sealed = (count: number) =>
      until(
        async () => (await console.callApi(verbs.audit.status, { tenant: 'default' })).size === count,
        'all is sealed',
      )
    const inlineOf = async (principal: string) => {
      const { records } = await console.callApi(verbs.audit.records, { tenant: 'default', principal, limit: 1000 })
      return records.flatMap(({ record }) => (record.event === 'requested' ? [argumentsOf(record)] : []))
    }
    // The second of each is kept beside the log.
    for (const principal of ['ann', 'bob']) {
      const word = `zebra4711${principal}`
      for (const text of [`${secret} ${word}`, secret.repeat(3000)])
        await writer.deny(await writer.request({ principal }, { text }))
    }
    await sealed(8)
    const callsWith = async (text: string) =>
      (await whenIndexed(() => console.callApi(verbs.audit.calls, { tenant: 'default', text }))).calls.length
    assert.equal(await callsWith('zebra4711ann'), 1)
    assert.notDeepEqual(filesWith(dirname(folder.dir), 'zebra4711ann'), [])
    const { calls } = await console.callApi(verbs.audit.calls, { tenant: 'default', principal: 'ann' })
    const before = await console.callApi(verbs.audit.status, { tenant: 'default' })
    assert.deepEqual((await inlineOf('ann')).length, 2)
    const found = await console.callApi(verbs.audit.subject, { operator, subject: 'ann' })
    assert.deepEqual([found.keys.map(({ kind }) => kind), found.hold], [['arguments'], null])

    const order = { operator, subject: 'ann', reason: 'asked for, ticket 7' }
    const erased = await console.callApi(verbs.audit.erase, order)
    assert.deepEqual(
      [erased.subject, erased.by, erased.reason, erased.keys, erased.settled],
      ['ann', 'oscar', 'asked for, ticket 7', 1, true],
    )
    assert.deepEqual((await console.callApi(verbs.audit.subject, { operator, subject: 'ann' })).keys, [])
    assert.deepEqual(await inlineOf('ann'), ['[erased]', '[erased]'])
    assert.deepEqual([await callsWith('zebra4711ann'), await callsWith('zebra4711bob')], [0, 1])
    assert.deepEqual((await inlineOf('bob')).toReversed(), [
      { text: `${secret} zebra4711bob` },
      { text: secret.repeat(3000) },
    ])
    const after = await console.callApi(verbs.audit.calls, { tenant: 'default', principal: 'ann' })
    assert.deepEqual(
      after.calls.map(({ callId, state }) => [callId, state]),
      calls.map(({ callId, state }) => [callId, state]),
    )

    // It is an activity, sealed in the same log.
    await sealed(9)
    const { records } = await whenIndexed(() =>
      console.callApi(verbs.audit.records, { tenant: 'default', outcome: 'erased' }),
    )
    const [{ record }] = records as [(typeof records)[number]]
    assert.deepEqual([record.who?.actor, record.cloudEvent['id']], ['oscar', erased.id])
    assert.deepEqual(record.cloudEvent['data'], {
      ...{ tenant: 'default', resource: { type: 'person', name: 'ann' }, by: 'oscar', keys: 1 },
      reason: 'asked for, ticket 7',
    })

    // Who is erased may go on, with new keys; erased again, that is gone too.
    await writer.request({ principal: 'ann' }, { text: secret })
    await sealed(10)
    assert.deepEqual(await inlineOf('ann'), [{ text: secret }, '[erased]', '[erased]'])
    assert.equal((await console.callApi(verbs.audit.erase, order)).keys, 1)
    assert.equal((await console.callApi(verbs.audit.erase, order)).keys, 0)
    await sealed(12)
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())

    assert.deepEqual(await verifyFolder(folder.dir), { records: 12, problems: [] })
    const settings = await personalSettings(folder)
    const keysDir = settings['COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR']!
    const keys = await openKeyReader(keysDir, settings['COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE']!)
    // Of bob arguments and digest of each event, of ann neither.
    const content = await verifyContent({ dir: folder.dir }, keys.find)
    assert.deepEqual(content, { opened: 6, erased: 8, problems: [] })
    const other = subjectKey('A'.repeat(22), Buffer.alloc(32))
    const changed = await verifyContent({ dir: folder.dir }, () => other)
    assert.match(describeProblem(changed.problems[0]!), /entry 0.*does not open with its key to what was sealed/)
    keys.close()
    const proof = await proveCallFrom({ dir: folder.dir }, calls[0]!.callId)
    assert.equal(verifyCallProof(JSON.stringify(proof)).events.length, 2)
    const log = await openTestLog(folder)
    const inOrder = (all: SealedRecord[]) => all.toSorted((a, b) => a.index - b.index)
    const kept = inOrder(await readLog(log))
    assert.deepEqual(inOrder(await readAudit(reader)), kept)
    assert.equal(kept.length, before.size + 4)
    await log.close()
    // Neither the log, nor what lies beside it, nor anything else of audit has it; and what it had to be opened with is gone.
    for (const gone of [secret, 'zebra4711ann']) assert.deepEqual(filesWith(dirname(folder.dir), gone), [])
    // The first part of a JWE whose second is empty; what follows may look like one, too.
    const kids = new Set(
      JSON.stringify(kept.filter((each) => each.record.who?.principal === 'ann')).match(/"eyJ[\w-]{20,}(?=\.\.)/g),
    )
    assert.ok(kids.size >= 2)
    for (const header of kids) {
      const { kid } = JSON.parse(Buffer.from(header.slice(1), 'base64url').toString()) as { kid: string }
      assert.deepEqual(filesWith(join(dirname(folder.dir), 'subject-keys'), kid), [])
    }
  },
)

test(
  'R28: what a rule names of an event is in no file of audit, its index among them',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const rulesFile = join(dirname(folder.dir), 'personal.json')
    await writeFile(rulesFile, JSON.stringify([{ in: 'event', path: '$.tool' }]))
    const settings = { ...(await personalSettings(folder)), COUNTERSIGN_AUDIT_PERSONAL_FILE: rulesFile }
    const audit = await startAudit(t, testBus, folder, settings)
    const writer = await callWriter(testBus)
    const { callApi } = await testBus.connect('console')
    const { at } = await writer.request({ tool: 'zebra4711' }, {})
    await until(async () => (await callApi(verbs.audit.status, { tenant: 'default' })).size === 1, 'it is sealed')
    const { calls } = await whenIndexed(() => callApi(verbs.audit.calls, { tenant: 'default' }))
    assert.deepEqual(
      calls.map(({ callId, tool, principal }) => [callId, tool, principal]),
      [[at.callId, '[personal]', at.principal]],
    )
    const { records } = await callApi(verbs.audit.records, { tenant: 'default' })
    assert.equal(records[0]!.record.what?.tool, 'zebra4711')
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    assert.deepEqual(filesWith(dirname(folder.dir), 'zebra4711'), [])
  },
)

test(
  "R28, I8: the libraries of Go's checksum database verify a log with erased content",
  { skip: go === undefined && 'there is no Go to run the verifier with', timeout: 300_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const audit = await startAudit(t, testBus, folder, await personalSettings(folder))
    const writer = await callWriter(testBus)
    const console = await testBus.connect('console')
    for (const text of [secret, secret.repeat(3000)]) await writer.request({}, { text })
    const sealed = (size: number) =>
      until(
        async () => (await console.callApi(verbs.audit.status, { tenant: 'default' })).size === size,
        'all is sealed',
      )
    await sealed(2)
    assert.equal((await console.callApi(verbs.audit.erase, { operator, subject: 'agent', reason: 'r' })).keys, 1)
    await sealed(3)
    assert.equal(await audit.stop('SIGTERM'), 0)
    const dir = join(folder.dir, 'default')
    const program = join(folder.dir, 'verifier')
    await run(go!, ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'interop'), timeout: 280_000 })
    const keys = (await readFile(join(dir, 'verifier-keys'), 'utf8')).trim().split('\n')
    assert.match((await run(program, [dir, ...keys])).stdout, /^3 entries/)
  },
)

test(
  'R29: a legal hold keeps what it is over, says who, when and why, and is recorded',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const settings = await personalSettings(folder)
    const audit = await startAudit(t, testBus, folder, settings)
    const writer = await callWriter(testBus)
    const console = await testBus.connect('console')
    const { callApi } = console
    for (const principal of ['ann', 'bob']) await writer.request({ principal }, { text: secret })
    const sealed = (count: number) =>
      until(async () => (await callApi(verbs.audit.status, { tenant: 'default' })).size === count, 'all is sealed')
    await sealed(2)
    const erase = (subject: string) => callApi(verbs.audit.erase, { operator, subject, reason: 'r' })

    const overAnn = await callApi(verbs.audit.placeHold, { operator, subject: 'ann', reason: 'case 17' })
    const refused = {
      code: 'legal_hold',
      message: /nothing of ann was erased: legal hold \d+ over ann, placed by oscar on \S+, .*case 17/,
    }
    await assert.rejects(erase('ann'), refused)
    // It outlives the process.
    assert.equal(await audit.stop('SIGKILL'), null)
    await startAudit(t, testBus, folder, settings)
    await assert.rejects(erase('ann'), refused)
    assert.equal((await erase('bob')).keys, 1)
    const overAll = await callApi(verbs.audit.placeHold, { operator, subject: null, reason: 'case 18' })
    await assert.rejects(erase('bob'), { message: /over the whole tenant, placed by oscar/ })
    assert.deepEqual((await callApi(verbs.audit.holds, { operator })).holds, [overAnn, overAll])

    // Of another tenant one neither sees it nor lifts it, nor is one kept by it.
    const stranger = { ...operator, tenant: 'other' }
    assert.deepEqual((await callApi(verbs.audit.holds, { operator: stranger })).holds, [])
    await assert.rejects(callApi(verbs.audit.liftHold, { operator: stranger, id: overAnn.id, reason: 'r' }), {
      code: 'not_found',
    })
    const { calls } = await whenIndexed(() => callApi(verbs.audit.calls, { tenant: 'default', principal: 'ann' }))
    const { callId } = calls[0]!
    const overCall = await callApi(verbs.audit.placeHold, { operator, callId, reason: 'case 19' })
    assert.deepEqual([overCall.callId, overCall.subject], [callId, 'ann'])
    const unknown = callApi(verbs.audit.placeHold, { operator: stranger, callId, reason: 'r' })
    await assert.rejects(unknown, { code: 'unknown_call' })
    for (const { id } of [overAnn, overAll]) await callApi(verbs.audit.liftHold, { operator, id, reason: 'closed' })
    await assert.rejects(erase('ann'), { code: 'legal_hold', message: new RegExp(`over call ${callId} of ann`) })
    await callApi(verbs.audit.liftHold, { operator, id: overCall.id, reason: 'closed' })
    assert.equal((await erase('ann')).keys, 1)
    await sealed(10)
    const { records } = await whenIndexed(() => callApi(verbs.audit.records, { tenant: 'default', limit: 8 }))
    assert.deepEqual(records.map(({ record }) => record.event).toReversed(), [
      'hold_placed',
      ...['erased', 'hold_placed', 'hold_placed'],
      ...['hold_lifted', 'hold_lifted', 'hold_lifted', 'erased'],
    ])
  },
)

test('only operators erase, and only where something is encrypted', async (t) => {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  await startAudit(t, testBus, folder)
  const { callApi } = await testBus.connect('console')
  const order = { operator, subject: 'ann', reason: 'r' }
  await assert.rejects(callApi(verbs.audit.erase, order), {
    code: 'erasure_off',
    message: /COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR/,
  })
  const agent = { ...operator, groups: ['agents', 'approvers'] }
  for (const asked of [
    callApi(verbs.audit.erase, { ...order, operator: agent }),
    callApi(verbs.audit.subject, { operator: agent, subject: 'ann' }),
    callApi(verbs.audit.holds, { operator: agent }),
    callApi(verbs.audit.placeHold, { ...order, operator: agent }),
    callApi(verbs.audit.liftHold, { operator: agent, id: 1, reason: 'r' }),
  ]) {
    await assert.rejects(asked, { code: 'forbidden' })
  }
  await assert.rejects(callApi(verbs.audit.erase, { ...order, subject: '' }), { code: 'invalid_params' })
  await assert.rejects(callApi(verbs.audit.erase, { ...order, reason: '' }), { code: 'invalid_params' })
})

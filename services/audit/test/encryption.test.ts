import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type JsonObject, type Principal, verbs } from '@countersign/contracts'
import { databaseFile } from '@countersign/subject-keys'
import { startTestBus, until } from '@countersign/testing'
import {
  auditFolder,
  callWriter,
  openTestLog,
  readAll,
  readAudit,
  readLog,
  indexPatienceMs,
  startAudit,
  whenIndexed,
  verifyFolder,
} from './harness.ts'
import { filesWith, personalSettings } from './personal.ts'

const operator: Principal = { id: 'oscar', tenant: 'default', groups: ['operators'] }
const secret = 'hunter2 and ann@example.com'

test(
  'R28, I12: killed while it seals, audit goes on with the same keys; sealed and published is ciphertext, operators see content',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const settings = await personalSettings(folder)
    const writer = await callWriter(testBus)
    const [reader, console] = await Promise.all([testBus.connect('audit'), testBus.connect('console')])
    // Every third is kept beside the log.
    const request = (place: number) =>
      writer.request({ principal: `p${place % 5}` }, { text: place % 3 === 0 ? secret.repeat(2000) : secret, place })
    for (let round = 0; round < 3; round++) {
      const audit = await startAudit(t, testBus, folder, settings)
      const { lastSeq } = await reader.streamInfo('AUDIT')
      const load = Promise.all(Array.from({ length: 60 }, (_, place) => request(place)))
      await until(async () => (await reader.streamInfo('AUDIT')).lastSeq > lastSeq, 'some is published')
      assert.equal(await audit.stop('SIGKILL'), null)
      await load
    }
    const audit = await startAudit(t, testBus, folder, settings)
    await until(async () => (await reader.streamInfo('AUDIT')).lastSeq === 180, 'all is published')
    const query = { tenant: 'default', principal: 'p3', limit: 20 }
    const { records } = await whenIndexed(() => console.callApi(verbs.audit.records, query))
    assert.equal(records.length, 20)
    const stored = new Map((await readAll(reader, 'CALLS')).map(({ seq, data }) => [seq, data]))
    for (const { record } of records) {
      assert.deepEqual(record.cloudEvent, JSON.parse(Buffer.from(stored.get(record.stream.seq)!).toString()))
      assert.equal(record.what!.digest, (record.cloudEvent['data'] as JsonObject)['digest'])
    }
    const published = await readAudit(reader)
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    assert.deepEqual(await verifyFolder(folder.dir), { records: 180, problems: [] })
    const log = await openTestLog(folder)
    assert.deepEqual(published, await readLog(log))
    await log.close()
    assert.ok(!JSON.stringify(published).includes('hunter2'))
    assert.deepEqual(filesWith(folder.dir, secret), [])
    assert.ok(!audit.output().includes('hunter2'))
  },
)

test('keys that are missing or lie with the log keep audit from starting, with the reason', async (t) => {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const settings = await personalSettings(folder)
  const { COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE: kek, COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR: keys } = settings
  for (const [bad, reason] of [
    [{ COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR: keys! }, /set both COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR and/],
    [
      { COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR: `${folder.dir}/keys`, COUNTERSIGN_AUDIT_SUBJECT_KEK_FILE: kek! },
      /must lie apart/,
    ],
    [{ ...settings, COUNTERSIGN_AUDIT_PERSONAL_FILE: '/nowhere' }, /what is personal, \/nowhere, cannot be used/],
  ] as const) {
    await assert.rejects(startAudit(t, testBus, folder, bad), reason)
  }
})

test(
  'R37, I7: over a log with encrypted content missing keys are not begun anew, unless they are declared lost, which is recorded',
  { timeout: 120_000 },
  async (t) => {
    const testBus = await startTestBus(t)
    const folder = await auditFolder(t)
    const settings = await personalSettings(folder)
    const keysDir = settings['COUNTERSIGN_AUDIT_SUBJECT_KEYS_DIR']!
    const writer = await callWriter(testBus)
    const { callApi } = await testBus.connect('console')
    const sealed = (size: number) =>
      until(async () => (await callApi(verbs.audit.status, { tenant: 'default' })).size === size, 'all is sealed')
    const argumentsOf = async () => {
      const { records } = await whenIndexed(() =>
        callApi(verbs.audit.records, { tenant: 'default', outcome: 'requested' }),
      )
      const data = records.map(({ record }) => record.cloudEvent['data'] as JsonObject)
      return data.map(({ arguments: args }) => (args as JsonObject)['inline'])
    }

    // Nothing is encrypted yet, though somebody asked with a word for it: keys begin as ever.
    let audit = await startAudit(t, testBus, folder)
    await writer.request({}, { encrypted: [{ path: '/data' }] })
    await sealed(1)
    await audit.stop('SIGTERM')
    audit = await startAudit(t, testBus, folder, settings)
    for (const tenant of ['default', 'other']) await writer.request({ tenant }, { text: secret })
    const { at } = await writer.request({}, { text: `${secret} zebra4711` })
    await sealed(3)
    await callApi(verbs.audit.placeHold, { operator, subject: at.principal, reason: 'case 17' })
    await sealed(4)
    const callsWith = async (text: string) =>
      (await whenIndexed(() => callApi(verbs.audit.calls, { tenant: 'default', text }))).calls.length
    assert.equal(await callsWith('zebra4711'), 1)
    await audit.stop('SIGTERM')

    const refused = new RegExp(
      `there are no keys of subjects in ${keysDir}, and the audit log holds content .*\\(the newest in record 2 of default, of \\S+, and in ` +
        'the logs of 1 other tenant\\).* Put the folder back.*COUNTERSIGN_AUDIT_SUBJECT_KEYS_LOST=(\\S+):',
    )
    const away = `${keysDir}-away`
    await rename(keysDir, away)
    await assert.rejects(startAudit(t, testBus, folder, settings), refused)
    const other = { ...settings, COUNTERSIGN_AUDIT_SUBJECT_KEYS_LOST: '2026-01-01T00:00:00.000Z' }
    await assert.rejects(startAudit(t, testBus, folder, other), refused)

    // As if it had been killed while it began them.
    await rename(away, keysDir)
    await rename(join(keysDir, databaseFile), join(keysDir, 'away'))
    await writeFile(join(keysDir, databaseFile), '')
    const { message } = await startAudit(t, testBus, folder, settings).then(
      () => assert.fail('it started without keys'),
      (error: Error) => error,
    )
    const [, until4711 = ''] = refused.exec(message) ?? []

    await rename(join(keysDir, 'away'), join(keysDir, databaseFile))
    audit = await startAudit(t, testBus, folder, settings)
    assert.deepEqual((await argumentsOf())[0], { text: `${secret} zebra4711` })
    assert.equal((await callApi(verbs.audit.holds, { operator })).holds.length, 1)
    await audit.stop('SIGTERM')

    await rm(keysDir, { recursive: true })
    const declared = { ...settings, COUNTERSIGN_AUDIT_SUBJECT_KEYS_LOST: until4711 }
    audit = await startAudit(t, testBus, folder, declared)
    await sealed(5)
    await until(async () => (await callsWith('zebra4711')) === 0, 'the index forgot', indexPatienceMs)
    assert.deepEqual(await argumentsOf(), ['[erased]', '[erased]', { encrypted: [{ path: '/data' }] }])
    for (const tenant of ['default', 'other']) {
      const { records } = await callApi(verbs.audit.records, { tenant, outcome: 'keys_lost' })
      assert.equal(records.length, 1, tenant)
      const { who, cloudEvent } = records[0]!.record
      assert.equal(who?.actor, 'audit')
      assert.deepEqual((cloudEvent['data'] as JsonObject)['resource'], { type: 'keys', name: 'subjects' })
    }
    await writer.request({}, { text: secret })
    await sealed(6)
    await audit.stop('SIGTERM')

    // The declaration was about those keys and is not about the next.
    audit = await startAudit(t, testBus, folder, declared)
    assert.deepEqual((await argumentsOf())[0], { text: secret })
    await audit.stop('SIGTERM')
    await rm(keysDir, { recursive: true })
    await assert.rejects(
      startAudit(t, testBus, folder, declared),
      /there are no keys of subjects in .*the newest in record 5 of default/,
    )
    assert.deepEqual(await verifyFolder(folder.dir), { records: 8, problems: [] })
  },
)

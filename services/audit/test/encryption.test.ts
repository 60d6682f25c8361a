import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonObject, verbs } from '@countersign/contracts'
import { startTestBus, until } from '@countersign/testing'
import {
  auditFolder,
  callWriter,
  openTestLog,
  readAll,
  readAudit,
  readLog,
  startAudit,
  verifyFolder,
} from './harness.ts'
import { filesWith, personalSettings } from './personal.ts'

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
    const { records } = await until(
      async () => {
        const page = await console.callApi(verbs.audit.records, query)
        return page.indexed === page.size && page
      },
      'all is indexed',
      60_000,
    )
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

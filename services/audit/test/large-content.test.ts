import assert from 'node:assert/strict'
import { open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { digestOf, type JsonObject, type Principal, type SealedRecord, verbs } from '@countersign/contracts'
import { openKeyReader } from '@countersign/subject-keys'
import { type Cleanup, startTestBus, until } from '@countersign/testing'
import { contentPath, leafHash, proveCallFrom, verifyCallProof, verifyContent } from '@countersign/tlog'
import { auditFolder, openTestLog, readAudit, readLog, startAudit, verifyFolder, whenIndexed } from './harness.ts'
import { largeCallWriter, longText } from './large-calls.ts'
import { filesWith, personalSettings } from './personal.ts'

const MiB = 1024 * 1024
const operator: Principal = { id: 'oscar', tenant: 'default', groups: ['operators'] }

async function runningAudit(t: Cleanup, settingsOf: typeof personalSettings = () => Promise.resolve({})) {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const settings = await settingsOf(folder)
  const start = () => startAudit(t, testBus, folder, settings)
  const [audit, writer, reader, console] = await Promise.all([
    start(),
    largeCallWriter(testBus),
    testBus.connect('audit'),
    testBus.connect('console'),
  ])
  const sealed = (size: number) =>
    until(
      async () => (await console.callApi(verbs.audit.status, { tenant: 'default' })).size === size,
      'all is sealed',
      60_000,
    )
  const callsWith = async (text: string) =>
    (await whenIndexed(() => console.callApi(verbs.audit.calls, { tenant: 'default', text }))).calls
  const records = async (callId: string) =>
    (await whenIndexed(() => console.callApi(verbs.audit.records, { tenant: 'default', callId }, 20_000))).records
  return { folder, settings, audit, start, writer, reader, console, sealed, callsWith, records }
}

const dataOf = ({ record }: SealedRecord) => record.cloudEvent['data'] as JsonObject

/** Turns one byte of a file over, and back again with the second call. */
async function turnByte(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  buffer[0]! ^= 1
  await file.write(buffer, 0, 1, at)
}

test(
  'I8: large arguments and results are in the log whole, are found, proven, and verified to the byte',
  { timeout: 180_000 },
  async (t) => {
    const { folder, audit, writer, reader, console, sealed, callsWith, records } = await runningAudit(t)
    const args = { text: longText('zebra4711', 2800) }
    const result = { content: [{ type: 'text', text: longText('okapi4711', 2500) }] }
    const at = await writer.request(args)
    await writer.answer(at, result)
    await sealed(4)

    const [call] = await callsWith('zebra4711')
    assert.deepEqual([call?.callId, call?.digest], [at.callId, digestOf(args)])
    const [succeeded] = await records(at.callId)
    assert.deepEqual(dataOf(succeeded!)['result'], { inline: result })
    // More than one answer carries.
    const asked = { tenant: 'default', callId: at.callId }
    const { proof, next } = await console.callApi(verbs.audit.prove, asked, 20_000)
    const rest = await console.callApi(verbs.audit.prove, { ...asked, from: next! }, 20_000)
    proof.entries.push(...rest.proof.entries)
    assert.deepEqual([verifyCallProof(JSON.stringify(proof)).complete, rest.next], [true, null])

    // What is gone is told in audit's log and counted.
    const digest = digestOf('gone')
    const gone = { ref: digest, digest, size: 300_000 }
    await writer.requestCarried({ stored: gone }, { digest })
    await sealed(5)
    assert.match(await audit.metrics(), /countersign_audit_content_lost_total\S* 1\n/)
    const published = await readAudit(reader)
    assert.deepEqual(dataOf(published[4]!)['arguments'], { stored: gone })
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    const warned = audit
      .output()
      .split('\n')
      .filter((line) => line.includes('sealed with its reference alone'))
    assert.equal(warned.length, 1, audit.output())
    assert.match(warned[0]!, /"seq":5,"part":"arguments","why":"is gone"/)
    for (const secret of ['zebra4711', at.digest, gone.digest]) assert.ok(!audit.output().includes(secret))
    const log = await openTestLog(folder)
    assert.deepEqual(await readLog(log), published)
    await log.close()
    assert.deepEqual(published.map((each) => dataOf(each)['arguments']).slice(0, 2), [
      { inline: args },
      { inline: args },
    ])
    assert.deepEqual(await verifyFolder(folder.dir), { records: 5, problems: [] })

    const path = `default/${contentPath(published[3]!.record.content!.digest)}`
    await turnByte(join(folder.dir, path), 2 * MiB)
    const { problems } = await verifyFolder(folder.dir)
    assert.equal(problems.length, 1)
    assert.ok(problems[0]!.startsWith(`${path}, entry 3: it is not what its digest says`), problems[0])
  },
)

test(
  'I8: what is too large for a message is in the log, verified and proven there, and told without its content',
  { timeout: 180_000 },
  async (t) => {
    const { folder, audit, start, writer, reader, console, sealed, callsWith, records } = await runningAudit(t)
    const args = { text: longText('zebra4711', 20 * 1024), numbers: [1, 2, 3] }
    const at = await writer.request(args, { principal: 'ann' })
    await sealed(1)
    const [told] = await readAudit(reader)
    const { record, leafHash: hash } = told!
    assert.deepEqual([record.cloudEvent, record.who?.principal, record.what?.digest], [{}, 'ann', digestOf(args)])
    assert.ok(record.content!.size > 20 * MiB)

    // It is in the index by all that its record says, but for the words.
    const { calls } = await whenIndexed(() =>
      console.callApi(verbs.audit.calls, { tenant: 'default', principal: 'ann' }),
    )
    assert.deepEqual(
      calls.map(({ callId, state, tool, digest }) => [callId, state, tool, digest]),
      [[at.callId, 'requested', at.tool, digestOf(args)]],
    )
    assert.deepEqual(await callsWith('zebra4711'), [])
    assert.deepEqual(await records(at.callId), [told])
    await assert.rejects(console.callApi(verbs.audit.prove, { tenant: 'default', callId: at.callId }), {
      code: 'invalid_params',
      message: /countersign audit prove .* --log FOLDER/,
    })

    // The newest record of AUDIT is compared with the log.
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    const again = await start()
    assert.equal((await again.ready()).status, 200)
    // The largest that is told.
    const most = { text: longText('okapi4711', 6 * 1024 - 10) }
    const { callId } = await writer.request(most)
    await sealed(2)
    const published = await readAudit(reader)
    assert.deepEqual(await records(callId), published.slice(1))
    assert.deepEqual(dataOf(published[1]!)['arguments'], { inline: most })
    assert.equal(await again.stop('SIGTERM'), 0, again.output())
    const third = await start()
    assert.equal((await third.ready()).status, 200)
    assert.equal(await third.stop('SIGTERM'), 0, third.output())
    assert.deepEqual(await readAudit(reader), published)

    const path = join(folder.dir, 'default', contentPath(record.content!.digest))
    const event = JSON.parse(await readFile(path, 'utf8')) as JsonObject
    assert.deepEqual((event['data'] as JsonObject)['arguments'], { inline: args })
    const proof = await proveCallFrom({ dir: folder.dir }, at.callId)
    assert.deepEqual(proof?.entries[0]?.content, event)
    assert.equal(verifyCallProof(JSON.stringify(proof)).events.length, 1)
    assert.equal(leafHash(Buffer.from(proof.entries[0].entry)).toString('base64'), hash)
    const { content: _left, ...entry } = proof.entries[0]
    assert.throws(
      () => verifyCallProof(JSON.stringify({ ...proof, entries: [entry] })),
      /the event beside it is not the one that it names/,
    )

    assert.deepEqual(await verifyFolder(folder.dir), { records: 2, problems: [] })
    await turnByte(path, 15 * MiB)
    assert.match((await verifyFolder(folder.dir)).problems.join(), /entry 0: it is not what its digest says/)
  },
)

test(
  'R28: large content is sealed encrypted, opened for operators, and erased with its key; the log verifies with keys and without',
  { timeout: 180_000 },
  async (t) => {
    const { folder, settings, audit, writer, console, sealed, callsWith, records } = await runningAudit(
      t,
      personalSettings,
    )
    const args = { text: longText('zebra4711', 2800) }
    const [ann, bob] = [
      await writer.request(args, { principal: 'ann' }),
      await writer.request(args, { principal: 'bob' }),
    ]
    const huge = await writer.request({ text: longText('okapi4711', 8 * 1024) }, { principal: 'ann' })
    await sealed(3)
    const asked = async (callId: string) => (await records(callId)).map((each) => dataOf(each)?.['arguments'])
    assert.deepEqual(await asked(ann.callId), [{ inline: args }])
    assert.deepEqual(await asked(huge.callId), [undefined])
    assert.equal((await callsWith('zebra4711')).length, 2)
    const openAll = async () => {
      const [keysDir, kekFile] = Object.values(settings)
      const { find, close } = await openKeyReader(keysDir!, kekFile!)
      const { opened, erased, problems } = await verifyContent({ dir: folder.dir }, find)
      close()
      assert.deepEqual(problems, [])
      return { opened, erased }
    }
    // Of each the arguments and their digest.
    assert.deepEqual(await openAll(), { opened: 6, erased: 0 })
    assert.equal((await console.callApi(verbs.audit.erase, { operator, subject: 'ann', reason: 'asked' })).keys, 1)
    assert.deepEqual([await asked(ann.callId), await asked(bob.callId)], [[{ inline: '[erased]' }], [{ inline: args }]])
    assert.deepEqual(
      (await callsWith('zebra4711')).map(({ callId }) => callId),
      [bob.callId],
    )
    assert.deepEqual(await openAll(), { opened: 2, erased: 4 })
    assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
    assert.deepEqual(await verifyFolder(folder.dir), { records: 4, problems: [] })
    assert.deepEqual(filesWith(folder.dir, 'zebra4711'), [])
    assert.deepEqual(filesWith(dirname(folder.dir), 'okapi4711'), [])
  },
)

test('I8: audit starts while content cannot be had, says so without naming it, and seals it once it can', async (t) => {
  const testBus = await startTestBus(t)
  const folder = await auditFolder(t)
  const [writer, console] = await Promise.all([largeCallWriter(testBus), testBus.connect('console')])
  const args = { text: longText('zebra4711', 300) }
  const { digest } = await writer.request(args)
  await writer.gateway.purge('OBJ_payloads' as 'CALLS', { filter: '$O.payloads.C.>' })
  const audit = await startAudit(t, testBus, folder)
  const { status, body } = await audit.ready()
  assert.deepEqual([status, /not whole just now/.test(body)], [503, true], body)
  await writer.gateway.payloads.carry(args)
  const size = async () => (await console.callApi(verbs.audit.status, { tenant: 'default' })).size
  await until(async () => (await size()) === 1, 'it is sealed', 60_000)
  assert.equal(await audit.stop('SIGTERM'), 0, audit.output())
  assert.ok(!(audit.output() + body).includes(digest))
  const log = await openTestLog(folder)
  t.after(() => log.close())
  assert.deepEqual(
    (await readLog(log)).map((each) => dataOf(each)['arguments']),
    [{ inline: args }],
  )
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  auditLogOrigin,
  type AuditRecordV3,
  canonicalJson,
  type Json,
  type JsonObject,
  newCallId,
  SealedRecord,
  subjects,
} from '@countersign/contracts'
import {
  checkConsistency,
  DirectoryStore,
  leafHash,
  maxEntryBytes,
  openCheckpoint,
  parseVerifierKey,
  TreeLog,
  verifierKey,
  verifyCallProof,
} from '@countersign/tlog'
import { AuditLog } from '../src/log/audit-log.ts'
import { proveCall, proveConsistency } from '../src/log/prove.ts'
import { openLog } from '../src/log/open-log.ts'
import { signingKeys } from '../src/log/signing-keys.ts'
import { makeRecord } from '../src/record/make-record.ts'
import { readBacklog } from '../src/record/read-backlog.ts'
import { activity } from '../src/record/record-source.ts'
import { auditFolder, openTestLog, readLog, testRecords, verifyFolder } from './harness.ts'

const three = (seq: number) => ({ tenant: ['a', 'b', 'c'][seq % 3]! })

test('every tenant has a tree of its own, and all of them together lack nothing', async (t) => {
  const folder = await auditFolder(t)
  const records = testRecords(90, 1, three)
  let log = await openTestLog(folder)
  const sealed = await log.append(records.slice(0, 50))
  assert.deepEqual(
    sealed.map(({ tenant, index, record }) => [tenant, index, record.seq]),
    records.slice(0, 50).map(({ tenant, seq }) => [tenant, Math.floor((seq - (seq % 3 === 0 ? 3 : seq % 3)) / 3), seq]),
  )
  await log.close()
  log = await openTestLog(folder)
  assert.deepEqual([log.tenants, log.size, log.last.CALLS?.seq], [['a', 'b', 'c'], 50, 50])
  await log.append(records.slice(50))
  assert.deepEqual(
    (await readLog(log)).map(({ record }) => record.stream.seq),
    records.map(({ seq }) => seq),
  )
  assert.deepEqual([log.tree('none').size, await log.tree('none').read(0, 5)], [0, []])
  await log.close()
  assert.deepEqual(await verifyFolder(folder.dir), { records: 90, problems: [] })
})

test('R23: a log of records of version 2 goes on with version 3, and verifies', async (t) => {
  const folder = await auditFolder(t)
  const [old, next] = [testRecords(5), testRecords(3, 6)]
  const store = new DirectoryStore(folder.dir)
  const signers = signingKeys(folder.keyFile)
  const origin = auditLogOrigin('default')
  const tree = await TreeLog.open({ store, folder: 'default/', origin, signers: () => signers(origin) })
  const entries = old.map(({ text }) => {
    const { kind: _kind, stream, ...rest } = JSON.parse(text) as AuditRecordV3
    const { name: _name, ...place } = stream
    return Buffer.from(canonicalJson({ ...rest, version: 2, stream: place } as unknown as Json))
  })
  // As it was kept while there was one stream.
  const last = { seq: 5, created: old[0]!.created }
  await tree.append(entries, { last, sealed: last, sealedAt: new Date().toISOString() })
  await store.close()

  const log = await openTestLog(folder)
  assert.deepEqual(log.last, { CALLS: last })
  // The last of the old ones comes again, as after a crash.
  const sealed = await log.append([{ ...old[4]!, text: '' }, ...next])
  assert.deepEqual(
    sealed.map(({ index }) => index),
    [4, 5, 6, 7],
  )
  const versions = (await log.tree('default').read(0, 10)).map(({ text }) => SealedRecord.parse(JSON.parse(text)))
  assert.deepEqual(
    versions.map(({ record }) => record.version),
    [2, 2, 2, 2, 2, 3, 3, 3],
  )
  await log.close()
  assert.deepEqual(await verifyFolder(folder.dir), { records: 8, problems: [] })
})

test('I8, I12: a batch over several trees that failed half-way is completed, and no record is there twice', async (t) => {
  const folder = await auditFolder(t)
  const records = testRecords(60, 1, three)
  for (const failing of ['a/', 'b/', 'c/']) {
    const dir = `${folder.dir}-${failing[0]}`
    let failures = 1
    class FailingStore extends DirectoryStore {
      override swap(path: string, bytes: Uint8Array, version: string | undefined) {
        if (path === `${failing}checkpoint` && failures-- > 0) return Promise.reject(new Error('no space left'))
        return super.swap(path, bytes, version)
      }
    }
    const log = new AuditLog({ store: new FailingStore(dir), signers: signingKeys(folder.keyFile) })
    await log.open()
    await assert.rejects(log.append(records.slice(0, 40)), /no space left/)
    assert.deepEqual(log.last, {})
    const again = await log.append(records.slice(0, 40))
    assert.deepEqual(
      again.map(({ record }) => record.seq),
      records.slice(0, 40).map(({ seq }) => seq),
    )
    for (const { text, index, tenant } of again) {
      assert.equal(text, (await log.tree(tenant).read(index, 1))[0]!.text)
    }
    // The same once more, with a process that dies in between.
    failures = 1
    await assert.rejects(log.append(records.slice(40)), /no space left/)
    await log.close()
    const reopened = await openTestLog({ ...folder, dir })
    // The batch was complete if the tree that failed was the last of it.
    assert.ok([40, 60].includes(reopened.last.CALLS!.seq))
    await reopened.append(records.slice(reopened.last.CALLS!.seq))
    await reopened.close()
    assert.deepEqual(await verifyFolder(dir), { records: 60, problems: [] }, failing)
  }
})

test('an event that is longer than an entry may be is kept beside the log, and read back and verified', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder)
  const records = testRecords(3, 1, (seq) => ({ text: seq === 2 ? 'é'.repeat(70_000) : 'short' }))
  assert.ok(records[1]!.entry.length < 4000 && records[1]!.content!.bytes.length > maxEntryBytes)
  const sealed = await log.append(records)
  const [, large] = await log.tree('default').read(0, 3)
  assert.equal(large!.text, sealed[1]!.text)
  const { leafHash: sealedHash, record } = SealedRecord.parse(JSON.parse(large!.text))
  const { inline } = (record.cloudEvent['data'] as { arguments: { inline: JsonObject } }).arguments
  assert.equal(inline['text'], 'é'.repeat(70_000))
  // What the schema says of the entry: the record without its event.
  const { cloudEvent, ...entry } = record
  assert.equal(leafHash(Buffer.from(canonicalJson(entry as unknown as Json))).toString('base64'), sealedHash)
  assert.equal(record.content?.size, Buffer.byteLength(canonicalJson(cloudEvent as Json)))
  const { proof } = await proveCall(log, { tenant: 'default', callId: record.callId! }, [1])
  assert.deepEqual(proof.entries[0]!.content, cloudEvent)
  assert.equal(verifyCallProof(JSON.stringify(proof)).events.length, 1)
  proof.entries[0]!.content = { forged: true }
  assert.throws(() => verifyCallProof(JSON.stringify(proof)), /not the one that it names by digest/)
  await log.close()
  assert.deepEqual((await verifyFolder(folder.dir)).problems, [])
  const hex = record.content.digest.slice(7)
  await appendFile(join(folder.dir, 'default', 'content', hex.slice(0, 2), hex), ' ')
  assert.match((await verifyFolder(folder.dir)).problems.join(), /entry 1: it has more than \d+ bytes/)
})

test('large records are handed on to be published some MiB at a time', async (t) => {
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const text = 'x'.repeat(3 * 1024 * 1024)
  await log.append(testRecords(8, 1, (seq) => (seq < 7 ? { text } : {})))
  const handedOn: number[][] = []
  for await (const entries of readBacklog(log, new Map(), new Map([['default', 8]])))
    handedOn.push(entries.map(({ index }) => index))
  assert.deepEqual(handedOn, [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7],
  ])
})

test('what an activity says of a call and of content is not taken for an event beside the log', async (t) => {
  const log = await openTestLog(await auditFolder(t))
  t.after(() => log.close())
  const data = { callId: newCallId(Date.now()), content: { digest: `sha256:${'a'.repeat(64)}`, size: 1 } }
  const message = {
    ...{ subject: subjects.activity('default', 'erased'), seq: 1, storedAt: new Date() },
    data: Buffer.from(JSON.stringify({ id: '1', type: 't', data })),
  }
  const record = makeRecord(activity, message, { created: '2026-11-22T09:00:00Z', previous: 0 })
  const [sealed] = await log.append([record])
  assert.deepEqual(
    (await log.tree('default').read(0, 1)).map(({ text }) => text),
    [sealed!.text],
  )
})

test('I8: that the log goes on from an earlier checkpoint is proven', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder)
  t.after(() => log.close())
  await log.append(testRecords(300))
  const older = { size: 300, root: log.tree('default').root }
  await log.append(testRecords(300, 301))
  const { checkpoint, proof } = await proveConsistency(log, 'default', 300)
  const keys = (await readFile(join(folder.dir, 'default/verifier-keys'), 'utf8')).trim().split('\n')
  const newer = openCheckpoint(checkpoint, keys.map(parseVerifierKey))
  checkConsistency(
    proof.map((hash) => Buffer.from(hash, 'base64')),
    older,
    newer,
  )
  await assert.rejects(proveConsistency(log, 'default', 601), { code: 'invalid_params' })
  await assert.rejects(proveConsistency(log, 'nobody', 1), { code: 'not_found' })
})

test('keys are rotated by the key file alone; one that cannot be used changes nothing', async (t) => {
  const folder = await auditFolder(t)
  const problems: string[] = []
  const log = await openLog(
    { dir: folder.dir, s3Region: '' },
    signingKeys(folder.keyFile, { everyMs: 0, onProblem: (problem) => problems.push(problem) }),
  )
  t.after(() => log.close())
  const signatures = async () =>
    (await readFile(join(folder.dir, 'default/checkpoint'), 'utf8')).split('\n').filter((line) => line.startsWith('—'))
      .length
  const records = testRecords(4)
  await log.append(records.slice(0, 1))
  assert.equal(await signatures(), 1)
  const newer = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  await writeFile(folder.keyFile, newer + (await readFile(folder.keyFile, 'utf8')))
  await log.append(records.slice(1, 2))
  assert.equal(await signatures(), 2)
  await writeFile(folder.keyFile, 'nonsense')
  await log.append(records.slice(2, 3))
  assert.deepEqual([await signatures(), problems.length], [2, 1])
  assert.match(problems[0]!, /has no PEM private key$/, 'one made anew in its place would not be of this log')
  await writeFile(folder.keyFile, newer)
  await log.append(records.slice(3))
  assert.equal(await signatures(), 1)
  assert.deepEqual((await verifyFolder(folder.dir)).problems, [])
})

test('the log of a tenant in which nothing happens is signed by a key that was added, too, and can be gone on with without the old one', async (t) => {
  const folder = await auditFolder(t)
  const open = () => openLog({ dir: folder.dir, s3Region: '' }, signingKeys(folder.keyFile, { everyMs: 0 }))
  const log = await open()
  await log.append(testRecords(3, 1, (seq) => (seq === 3 ? { tenant: 'quiet' } : {})))
  const newer = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  await writeFile(folder.keyFile, newer + (await readFile(folder.keyFile, 'utf8')))
  await log.renew()
  await log.close()
  await writeFile(folder.keyFile, newer)
  const again = await open()
  t.after(() => again.close())
  assert.deepEqual(again.tenants, ['default', 'quiet'])
  assert.deepEqual((await verifyFolder(folder.dir)).problems, [])
})

test('a log in the earlier form, a second writer and settings without a place are refused', async (t) => {
  const folder = await auditFolder(t)
  const signers = signingKeys(folder.keyFile)
  const old = `${folder.dir}-old`
  await mkdir(old)
  await writeFile(join(old, 'segment-000000000000.jsonl'), '')
  await assert.rejects(openLog({ dir: old, s3Region: '' }, signers), /earlier form, a chain of hashes .*a new one/)
  await assert.rejects(
    openLog({ s3Region: '' }, signers),
    /set either COUNTERSIGN_AUDIT_DIR or COUNTERSIGN_AUDIT_S3_URL/,
  )
  await assert.rejects(openLog({ dir: folder.dir, s3Region: '' }, signingKeys('/nowhere')), /cannot be used.*openssl/)
  const log = await openTestLog(folder)
  await assert.rejects(openTestLog(folder), /another process writes to the log/)
  const other = `import { DirectoryStore } from '@countersign/tlog'; await new DirectoryStore(process.argv[1]).claim()`
  const args = ['--input-type=module', '-e', other, folder.dir]
  assert.throws(
    () => execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' }),
    /another process writes to the log/,
  )
  await log.close()
  await (await openTestLog(folder)).close()
})

test('a log has the name of its owner from the first record on, proves under it, and is not opened under another', async (t) => {
  const folder = await auditFolder(t)
  const signers = signingKeys(folder.keyFile)
  const place = { dir: folder.dir, s3Region: '', owner: 'acme.example/agents' }
  const log = await openLog(place, signers)
  const [first] = await log.append(testRecords(3))
  const { callId } = first!.record
  const proof = JSON.stringify((await proveCall(log, { tenant: 'default', callId: callId! }, [first!.index])).proof)
  await log.close()
  assert.match(
    await readFile(join(folder.dir, 'default', 'checkpoint'), 'utf8'),
    /^acme\.example\/agents\/audit\/default\n3\n/,
  )
  const trusted = [verifierKey(createPublicKey(folder.key), 'any')]
  assert.equal(verifyCallProof(proof, trusted).events.length, 1)
  assert.throws(() => verifyCallProof(proof.replaceAll('agents/audit', 'agents/other'), trusted), /of another log/)
  assert.deepEqual(await verifyFolder(folder.dir), { records: 3, problems: [] })
  await assert.rejects(openTestLog(folder), /it is of another log, acme\.example\/agents\/audit\/default/)
})

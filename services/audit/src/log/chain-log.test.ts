import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { auditFolder, openTestLog, readLog, testRecords } from '../../test/harness.ts'
import { LogBroken } from './log-broken.ts'
import { listSegments } from './segments.ts'
import { verifyLog } from './verify.ts'

const small = { maxSegmentBytes: 20_000 }

test('entries are read back from any index, forward and backward, across segments', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder, small)
  // Some lines are longer than what is read at once.
  const records = testRecords(120, 1, (seq) => (seq % 40 === 0 ? 'x'.repeat(300_000) : `text ${seq}`))
  for (let at = 0; at < records.length; at += 7) await log.append(records.slice(at, at + 7))
  assert.ok((await listSegments(folder.dir)).length > 5)
  assert.equal(log.size, 120)
  for (const from of [0, 1, 38, 39, 40, 77, 119]) {
    const read = await log.read(from, 5)
    assert.deepEqual(
      read.map(({ index }) => index),
      [0, 1, 2, 3, 4].map((more) => from + more).filter((index) => index < 120),
    )
    assert.ok(read[0]!.text.includes(records[from]!.text))
    const backward = []
    for await (const { index } of log.backward(from)) backward.push(index)
    assert.deepEqual(
      backward,
      Array.from({ length: from }, (_, place) => from - 1 - place),
    )
  }
  assert.deepEqual(await log.read(120, 5), [])
  await log.close()
  assert.deepEqual(await verifyLog(folder.dir), { size: 120, head: log.head, problem: undefined })
})

test('I12: a log opened again goes on where it was, also when a crash left an empty new segment', async (t) => {
  const folder = await auditFolder(t)
  const records = testRecords(30)
  let log = await openTestLog(folder, small)
  await log.append(records.slice(0, 15))
  await log.close()
  await writeFile(join(folder.dir, 'segment-000000000015.jsonl'), '')
  const { head, last } = log
  log = await openTestLog(folder, small)
  assert.deepEqual([log.size, log.head, log.last], [15, head, last])
  await log.append(records.slice(15))
  assert.deepEqual(
    (await readLog(log)).map(({ record }) => record.stream.seq),
    records.map(({ seq }) => seq),
  )
  await log.close()
  assert.equal((await verifyLog(folder.dir)).problem, undefined)
})

test('I12: a crash at any byte of a batch leaves whole entries, and the rest is cut off', async (t) => {
  const folder = await auditFolder(t)
  const [first, ...rest] = testRecords(4)
  const log = await openTestLog(folder)
  await log.append([first!])
  await log.close()
  const segment = join(folder.dir, 'segment-000000000000.jsonl')
  const before = await readFile(segment)
  const full = await openTestLog(folder)
  await full.append(rest)
  await full.close()
  const after = await readFile(segment)
  const crashed = { ...folder, dir: `${folder.dir}-crashed` }
  await mkdir(crashed.dir)
  for (let bytes = before.length; bytes <= after.length; bytes += 61) {
    // Half of the time the file had grown before its blocks were written: they read as zeros.
    const zeros = bytes % 2 === 0 ? Buffer.alloc(500) : Buffer.alloc(0)
    await writeFile(join(crashed.dir, 'segment-000000000000.jsonl'), Buffer.concat([after.subarray(0, bytes), zeros]))
    const reopened = await openTestLog(crashed)
    const whole = after.subarray(0, bytes).toString().split('\n').length - 1
    assert.equal(reopened.size, whole)
    await reopened.append(rest.slice(whole - 1))
    assert.equal(reopened.head, full.head)
    await reopened.close()
    assert.equal((await verifyLog(crashed.dir)).problem, undefined)
    await rm(join(crashed.dir, 'checkpoint'))
  }
})

test('I8: a changed line is found, by the walk over everything and, in the newest segment, at start', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder, small)
  const records = testRecords(60)
  for (let at = 0; at < 60; at += 10) await log.append(records.slice(at, at + 10))
  await log.close()
  const segments = await listSegments(folder.dir)
  const change = async (path: string, from: string | RegExp, to: string) => {
    const kept = await readFile(path)
    await writeFile(path, kept.toString().replace(from, to))
    return async () => writeFile(path, kept)
  }
  const [oldest, newest] = [segments[0]!, segments.at(-1)!]
  let restore = await change(oldest.path, 'text 3"', 'text 8"')
  assert.deepEqual((await verifyLog(folder.dir)).problem, {
    file: oldest.file,
    line: 3,
    index: 2,
    reason: 'the record is not what its hash says',
  })
  await restore()
  restore = await change(newest.path, '"tool":"read_file"', '"tool":"drop_file"')
  assert.equal((await verifyLog(folder.dir)).problem?.index, newest.first)
  await assert.rejects(openTestLog(folder, small), (error: Error) => {
    assert.ok(error instanceof LogBroken)
    assert.match(error.message, new RegExp(`${newest.file}, line 1 \\(entry ${newest.first}\\)`))
    return true
  })
  await restore()
  restore = await change(newest.path, /^.*\n/, '')
  assert.match((await verifyLog(folder.dir)).problem!.reason, /says it has index/)
  await assert.rejects(openTestLog(folder, small), LogBroken)
  await restore()
  assert.equal((await verifyLog(folder.dir)).problem, undefined)
})

test('I8: a log that lost its end, its middle or its beginning is refused', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder, small)
  const records = testRecords(60)
  for (let at = 0; at < 60; at += 10) await log.append(records.slice(at, at + 10))
  await log.close()
  const segments = await listSegments(folder.dir)
  const newest = segments.at(-1)!
  const { size } = await stat(newest.path)
  await copyFile(newest.path, `${newest.path}.copy`)
  const lines = (await readFile(newest.path, 'utf8')).split('\n')
  await truncate(newest.path, size - lines.at(-2)!.length - 1)
  assert.match((await verifyLog(folder.dir)).problem!.reason, /vouches for 60 entries, and the log has only 59/)
  await assert.rejects(openTestLog(folder, small), /vouches for 60 entries/)
  await copyFile(`${newest.path}.copy`, newest.path)
  await rm(segments.at(-2)!.path)
  assert.match((await verifyLog(folder.dir)).problem!.reason, /entries are missing/)
  await assert.rejects(openTestLog(folder, small), /entries before .* are missing/)
})

test('a checkpoint is signed over size and head; a chain that was made anew does not match it', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder)
  await log.append(testRecords(3))
  await log.close()
  const key = (await readFile(join(folder.dir, 'verifier-key'), 'utf8')).trim()
  assert.equal((await verifyLog(folder.dir, key)).problem, undefined)
  const checkpoint = await readFile(join(folder.dir, 'checkpoint'), 'utf8')
  assert.deepEqual(checkpoint.split('\n').slice(0, 4), [
    'countersign.dev/audit',
    '3',
    Buffer.from(log.head, 'hex').toString('base64'),
    '',
  ])
  const forged = await auditFolder(t)
  const other = await openTestLog(forged)
  await other.append(testRecords(3, 1, () => 'forged'))
  await other.close()
  await copyFile(join(folder.dir, 'checkpoint'), join(forged.dir, 'checkpoint'))
  assert.match((await verifyLog(forged.dir, key)).problem!.reason, /another entry 2/)
  await assert.rejects(openTestLog({ dir: forged.dir, key: folder.key }), /other records than it was signed over/)
})

test('a second writer is noticed before anything is written over', async (t) => {
  const folder = await auditFolder(t)
  const log = await openTestLog(folder)
  await log.append(testRecords(2))
  await appendFile(join(folder.dir, 'segment-000000000000.jsonl'), 'x\n')
  await assert.rejects(log.append(testRecords(1, 3)), /another process writes to this log/)
  assert.equal(log.size, 2)
})

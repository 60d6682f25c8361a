import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { sha256 } from '@countersign/contracts'
import { findVersitygw, startS3 } from '@countersign/testing'
import { readCheckpoint, signCheckpoint } from '../src/note/checkpoint.ts'
import { ed25519Signer, verifierKey } from '../src/note/keys.ts'
import { S3Store } from '../src/store/s3-store.ts'
import { describeProblem } from '../src/verify/problem.ts'
import { verifyLog, type VerifyOptions } from '../src/verify/verify-log.ts'
import { begunMs, callIdOfName, created, privateKey, recordOf, type Story, wholeCalls, writeLog } from './records.ts'

const trusted = [verifierKey(createPublicKey(privateKey), 'any')]

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-verify-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'audit')
}

async function problemsOf(dir: string, options: VerifyOptions = { trusted }): Promise<string[]> {
  return (await verifyLog({ dir }, options)).problems.map(describeProblem)
}

/** A log of 1,400 records in one tree: full and partial bundles, kept checkpoints. */
async function seeded(t: TestContext): Promise<string> {
  const dir = await folder(t)
  await writeLog(dir, wholeCalls(350))
  return dir
}

/** Changes a file of the log for one check. */
async function damaged(dir: string, file: string, change: (bytes: Buffer) => Buffer | undefined): Promise<string[]> {
  const path = join(dir, 'default', file)
  const kept = await readFile(path)
  const changed = change(Buffer.from(kept))
  await (changed ? writeFile(path, changed) : rm(path))
  const problems = await problemsOf(dir)
  await writeFile(path, kept)
  return problems
}

test('I8: a whole log of several tenants verifies, by any name of the key, and as a copy', async (t) => {
  const dir = await folder(t)
  await writeLog(
    dir,
    wholeCalls(500, (call) => `t${call % 3}`),
  )
  await cp(dir, `${dir}-copy`, { recursive: true })
  let progress = 0
  const found = await verifyLog({ dir: `${dir}-copy` }, { trusted, onProgress: (entries) => (progress = entries) })
  assert.deepEqual(found.problems, [])
  assert.deepEqual([found.records, found.calls, progress], [2000, { ended: 500, open: 0 }, 2000])
  assert.deepEqual(
    found.trees.map(({ origin, size, checkpoints }) => [origin, size, checkpoints > 1]),
    [0, 1, 2].map((tenant) => [`countersign.dev/audit/t${tenant}`, tenant < 2 ? 668 : 664, true]),
  )
  // One tree alone has gaps that are another's records.
  assert.deepEqual((await verifyLog({ dir: join(dir, 't1') }, { trusted })).problems, [])
})

test('I8: tiles and bundles that trees before left beside those of the tree are what these were then', async (t) => {
  const dir = await seeded(t)
  const tile = (path: string) => join(dir, 'default', 'tile', path)
  // 1,400 records: five full bundles, and 120 in the last.
  const [full, newest] = [await readFile(tile('entries/001')), await readFile(tile('entries/005.p/120'))]
  const endOf = (bundle: Buffer, width: number) => {
    let at = 0
    for (let place = 0; place < width; place++) at += 2 + bundle.readUInt16BE(at)
    return at
  }
  await mkdir(tile('entries/001.p'))
  await writeFile(tile('entries/001.p/7'), full.subarray(0, endOf(full, 7)))
  await writeFile(tile('entries/005.p/3'), newest.subarray(0, endOf(newest, 3)))
  await mkdir(tile('0/001.p'))
  await writeFile(tile('0/001.p/7'), (await readFile(tile('0/001'))).subarray(0, 7 * 32))
  await writeFile(tile('1/000.p/2'), (await readFile(tile('1/000.p/5'))).subarray(0, 2 * 32))
  // As in a copy that was made while the log went on.
  await writeFile(tile('entries/005.p/121'), Buffer.concat([newest, Buffer.from([0, 1, 120])]))
  await mkdir(tile('entries/006.p'))
  await writeFile(tile('entries/006.p/1'), Buffer.from([0, 1, 120]))
  assert.deepEqual(await problemsOf(dir), [])
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at]! ^= 1
    return bytes
  }
  const differs = 'it is not what an earlier tree of this log had here'
  assert.deepEqual(await damaged(dir, 'tile/entries/001.p/7', flip(300)), [
    `default/tile/entries/001.p/7, byte 300: ${differs}`,
  ])
  assert.deepEqual(await damaged(dir, 'tile/1/000.p/2', flip(40)), [`default/tile/1/000.p/2, byte 40: ${differs}`])
  assert.deepEqual(await damaged(dir, 'tile/0/001.p/7', (bytes) => bytes.subarray(0, 70)), [
    'default/tile/0/001.p/7, byte 70: it has 70 bytes and not 224',
  ])
  const [cut] = await damaged(dir, 'tile/entries/005.p/3', (bytes) => bytes.subarray(0, 50))
  assert.match(cut!, /entries\/005.p\/3, byte 0: entry 0 of 3 is cut short/)
  await writeFile(tile('entries/001.p/notes'), 'anything')
  assert.deepEqual(await problemsOf(dir), [
    'default/tile/entries/001.p/notes: it is no tile of a log: its name is not a number from 1 to 255',
  ])
})

test('I8: a changed byte is found: which entry, in which file, at which byte', async (t) => {
  const dir = await seeded(t)
  assert.deepEqual(await problemsOf(dir), [])
  const flip = (at: number) => (bytes: Buffer) => {
    bytes[at]! ^= 1
    return bytes
  }
  const bundle = await readFile(join(dir, 'default/tile/entries/001'))
  const second = 2 + bundle.readUInt16BE(0)
  const entry = await damaged(dir, 'tile/entries/001', flip(bundle.indexOf('read_file', second)))
  assert.deepEqual(entry, [
    `default/tile/entries/001, entry 257, byte ${second}: the entry is not the one that was sealed: its hash is not the one in the tree`,
  ])
  const leaf = await damaged(dir, 'tile/0/001', flip(3 * 32))
  assert.deepEqual(leaf, [
    'default/tile/0/001, entry 259, byte 96: its hash is not that of the entry, which is as it was sealed',
  ])
  const last = await damaged(dir, 'tile/0/005.p/120', flip(119 * 32))
  assert.match(last.join(), /^default\/tile\/0\/005\.p\/120, entry 1399, byte 3808: its hash is not that of the entry/)
  const upper = await damaged(dir, 'tile/1/000.p/5', flip(2 * 32))
  assert.deepEqual(upper, ['default/tile/1/000.p/5, byte 64: the hash over entries 512 to 767 is not theirs'])
})

test('I8: truncated and missing files are found', async (t) => {
  const dir = await seeded(t)
  const cut = await damaged(dir, 'tile/entries/002', (bytes) => bytes.subarray(0, bytes.length - 5))
  assert.match(cut.join('\n'), /^default\/tile\/entries\/002, entry 767, byte \d+: entry 255 of 256 is cut short$/)
  const longer = await damaged(dir, 'tile/entries/002', (bytes) => Buffer.concat([bytes, Buffer.from('xyz')]))
  assert.match(longer.join('\n'), /^default\/tile\/entries\/002, .*: 3 bytes follow its 256 entries$/)
  const short = await damaged(dir, 'tile/0/000', (bytes) => bytes.subarray(0, 100))
  assert.deepEqual(short, ['default/tile/0/000, byte 100: it has 100 bytes and not 8192'])
  const upper = (change: (bytes: Buffer) => Buffer) => damaged(dir, 'tile/1/000.p/5', change)
  assert.deepEqual(await upper((bytes) => Buffer.concat([bytes, Buffer.alloc(100, 7)])), [
    'default/tile/1/000.p/5, byte 160: it has 260 bytes and not 160',
  ])
  assert.deepEqual(await upper((bytes) => bytes.subarray(0, 150)), [
    'default/tile/1/000.p/5, byte 150: it has 150 bytes and not 160',
  ])
  for (const file of ['tile/0/003', 'tile/entries/003', 'tile/entries/005.p/120', 'tile/1/000.p/5', 'checkpoint']) {
    const gone = await damaged(dir, file, () => undefined)
    assert.match(gone[0]!, new RegExp(`^default/${file.replaceAll('.', '\\.')}: it is missing`), file)
  }
  await rm(join(dir, 'default/tile/entries/004'))
  await truncate(join(dir, 'default/tile/0/004'), 0)
  assert.equal((await problemsOf(dir)).length, 2)
})

test('I8: a forged, replaced or set back checkpoint is found', async (t) => {
  const dir = await seeded(t)
  const origin = 'countersign.dev/audit/default'
  const mine = ed25519Signer(privateKey, origin)
  const other = ed25519Signer(generateKeyPairSync('ed25519').privateKey, origin)
  const checkpoint = readCheckpoint(await readFile(join(dir, 'default/checkpoint'), 'utf8'))
  const sign =
    (changes: Partial<typeof checkpoint>, by = mine) =>
    () =>
      Buffer.from(signCheckpoint({ ...checkpoint, ...changes }, [by]))
  assert.match((await damaged(dir, 'checkpoint', sign({}, other))).join(), /no trusted key signed it/)
  const text = (from: string, to: string) => (bytes: Buffer) => Buffer.from(bytes.toString().replace(from, to))
  assert.match((await damaged(dir, 'checkpoint', text('\n1400\n', '\n1399\n'))).join(), /does not verify/)
  assert.match((await damaged(dir, 'checkpoint', text('— ', '- '))).join(), /not a signature/)
  const root = Buffer.alloc(32, 5)
  assert.deepEqual(await damaged(dir, 'checkpoint', sign({ root })), [
    'default/checkpoint: its root hash is not that of the 1400 entries that are here',
  ])
  assert.match((await damaged(dir, 'checkpoint', sign({ size: 1500 }))).join('\n'), /005\.p\/220: it is missing/)
  // An older one, rightly signed, hides the newest records.
  const older = await readFile(join(dir, 'default/checkpoints/000000000000800'))
  assert.match(
    (await damaged(dir, 'checkpoint', () => older)).join('\n'),
    /one for 1300 was kept: the log was set back/,
  )
  const kept = await damaged(dir, 'checkpoints/000000000000800', sign({ size: 800, root }))
  assert.deepEqual(kept, [
    'default/checkpoints/000000000000800: it is not consistent with the tree: it was signed over other 800 entries than are here',
  ])
  assert.match((await damaged(dir, 'checkpoints/000000000000800', sign({ size: 801 }))).join(), /its name says 800/)
  // Whoever trusts only what lies beside the log does not see that another key made all of it.
  assert.deepEqual(await problemsOf(dir, {}), [])
  const stranger = [verifierKey(createPublicKey(generateKeyPairSync('ed25519').privateKey), 'x')]
  assert.match((await problemsOf(dir, { trusted: stranger })).join(), /no trusted key signed it/)
})

test('I8: records that are replayed, reordered, missing, or of another tenant are found though they are sealed', async (t) => {
  const base = wholeCalls(2)
  const stream = (seq: number, previous = seq - 1) => ({ stream: { seq, previous, created } })
  const cases: [string, Story, RegExp[]][] = [
    [
      'replayed',
      [...base, { call: '2 1', event: 'requested', more: stream(5, 8) }],
      [/event 5 of CALLS is out of order/],
    ],
    ['twice', [...base, { call: 'x', event: 'requested', more: stream(8, 7) }], [/event 8 of CALLS is sealed twice/]],
    [
      'gap',
      [...base, { call: 'x', event: 'requested', more: stream(12, 8) }],
      [/a gap: events 9 to 11 of CALLS are missing/],
    ],
    ['unknown', [...base, { call: 'x', event: 'allowed' }], [/allowed may not follow nothing/]],
    ['again', [...base, { call: '2 1', event: 'succeeded' }], [/succeeded may not follow nothing/]],
    ['tenant', [...base, { call: 'x', event: 'denied', more: { tenant: 'eve' } }], [/a record of another tenant, eve/]],
    ['version', [...base, { call: 'x', event: 'denied', more: { version: 4 } }], [/of version 4/]],
    ['no call', [...base, { call: 'x', event: 'denied', more: { callId: 'x' } }], [/of a call, and lacks its callId/]],
    [
      'epoch',
      [
        ...base,
        { call: 'x', event: 'requested', more: { stream: { seq: 1, previous: 0, created: 'b' } } },
        { call: 'y', event: 'requested', more: stream(9, 8) },
      ],
      [/stream .* had ended/],
    ],
  ]
  for (const [name, story, reasons] of cases) {
    const dir = await folder(t)
    await writeLog(dir, story)
    const problems = await problemsOf(dir)
    for (const reason of reasons) {
      assert.match(problems.join('\n'), reason, name)
      assert.match(problems.join('\n'), /default\/tile\/entries\/000\.p\/\d+, entry [89]/, name)
    }
  }
})

test('I8, R23: each stream counts for itself: what one lacks is told of it, and calls do not excuse themselves with the other', async (t) => {
  const activity = (seq: number, previous = seq - 1, tenant = 'default') => ({
    ...{ tenant, call: 'none', event: 'policies_changed' },
    more: {
      ...{ version: 3, kind: 'activity', callId: undefined as unknown as string },
      stream: { name: 'LIFECYCLE', seq, previous, created },
    },
  })
  const call = (seq: number, event: string) => ({
    ...{ call: 'v3', event },
    more: { version: 3, kind: 'call', stream: { name: 'CALLS', seq, previous: seq - 1, created } },
  })
  // Records of version 2 come first, as in a log that is older than those of version 3.
  const good = [
    ...wholeCalls(1),
    activity(1),
    call(5, 'requested'),
    activity(2),
    activity(3, 2, 'other'),
    call(6, 'denied'),
  ]
  const problems = async (story: Story) => {
    const dir = await folder(t)
    await writeLog(dir, story)
    return (await problemsOf(dir)).join('\n')
  }
  assert.equal(await problems(good), '')
  assert.match(await problems([...good, activity(6, 3)]), /a gap: events 4 to 5 of LIFECYCLE are missing/)
  assert.match(await problems([...good, activity(2, 1)]), /event 2 of LIFECYCLE is sealed twice/)
  assert.match(await problems([...good, activity(5, 4)]), /event 4 of LIFECYCLE was sealed, .* in no log that is here/)
  const after = [...good, activity(6, 3), call(7, 'allowed')]
  assert.match(await problems(after), /allowed may not follow nothing/)
})

test('I8: the tree of a tenant that was taken away is missed by what others say', async (t) => {
  const dir = await folder(t)
  await writeLog(
    dir,
    wholeCalls(20, (call) => (call === 7 ? 'gone' : 'here')),
  )
  await rm(join(dir, 'gone'), { recursive: true })
  assert.match(
    (await problemsOf(dir)).join('\n'),
    /events 29 to 32 of CALLS were sealed, as what follows says, but in no log that is here/,
  )
})

test('I5: a call without its final event is told once it is overdue, and counted while it is not', async (t) => {
  const dir = await folder(t)
  const late = new Date(begunMs + 3600 * 1000).toISOString()
  await writeLog(dir, [
    ...wholeCalls(1),
    { call: 'lost', event: 'requested' },
    { call: 'late', event: 'requested', more: { storedAt: late } },
  ])
  const { problems, calls } = await verifyLog({ dir }, { trusted })
  assert.deepEqual(calls, { ended: 1, open: 2 })
  assert.equal(problems.length, 1)
  const found = describeProblem(problems[0]!)
  assert.match(found, /entry 4: call .* has no final event: this one, requested, is its last/)
  assert.ok(found.includes(callIdOfName('lost')))
})

test('content beside the log is verified with the entry that names it', async (t) => {
  const dir = await folder(t)
  const event = Buffer.from('{"large":"event"}')
  const digest = sha256(event)
  const more = { content: { digest, size: event.length } }
  await writeLog(dir, [{ call: 'a', event: 'requested', more }])
  const hex = digest.slice(7)
  const path = `default/content/${hex.slice(0, 2)}/${hex}`
  assert.match((await problemsOf(dir)).join(), new RegExp(`^${path}, entry 0: it is missing; the entry names it`))
  await mkdir(join(dir, path, '..'), { recursive: true })
  await writeFile(join(dir, path), event)
  assert.deepEqual(await problemsOf(dir), [])
  await writeFile(join(dir, path), event.toString().replace('large', 'other'))
  assert.match((await problemsOf(dir)).join(), /it is not what its digest says/)
})

test(
  'a log that claims more than there is, or names files elsewhere, is given up or told',
  { timeout: 60_000 },
  async (t) => {
    const dir = await folder(t)
    const more = { content: { digest: 'sha256:../../../checkpoint', size: 3 } }
    await writeLog(dir, [{ call: 'a', event: 'requested', more }])
    assert.match((await problemsOf(dir)).join(), /entry 0, byte 0: .* is not the digest of content/)
    const checkpoint = readCheckpoint(await readFile(join(dir, 'default/checkpoint'), 'utf8'))
    const signer = ed25519Signer(privateKey, checkpoint.origin)
    await writeFile(join(dir, 'default/checkpoint'), signCheckpoint({ ...checkpoint, size: 9e14 }, [signer]))
    const { problems, problemCount } = await verifyLog({ dir }, { trusted })
    assert.ok(problems.length === 100 && problemCount > 1000)
  },
)

test('a place without a log is refused', async (t) => {
  const dir = await folder(t)
  await assert.rejects(verifyLog({ dir }), /there is no transparency log in/)
})

const s3 = await findVersitygw()
test('a log in a bucket verifies there', { skip: 'none' in s3 && s3.none }, async (t) => {
  if ('none' in s3) return
  const options = await startS3(t, s3.path)
  const location = { s3: { ...options, prefix: 'audit/' } }
  const dir = await seeded(t)
  const store = new S3Store(location.s3)
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((each) => each.isFile())
  await store.write(
    await Promise.all(
      files.map(async ({ parentPath, name }) => {
        const path = join(parentPath, name)
        return { path: path.slice(dir.length + 1), bytes: await readFile(path) }
      }),
    ),
  )
  const found = await verifyLog(location, { trusted })
  assert.deepEqual([found.records, found.problems], [1400, []])
  await store.write([{ path: 'default/tile/entries/001', bytes: recordOf(1, 'default', 'x', 'requested') }])
  assert.ok((await verifyLog(location, { trusted })).problemCount > 0)
})

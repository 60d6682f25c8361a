import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { TreeReader } from '../src/log/tree-reader.ts'
import { openCheckpoint } from '../src/note/checkpoint.ts'
import { ed25519Signer } from '../src/note/keys.ts'
import { checkConsistency, checkInclusion } from '../src/tree/check-proof.ts'
import { leafHash } from '../src/tree/hash.ts'
import { testStores } from './drivers.ts'
import { entriesOf, openLog, origin, readTree, signer } from './logs.ts'

testStores('a log opened again goes on where it was, with what was kept beside it', async (_t, open) => {
  let store = open()
  let log = await openLog(store)
  const sizes = [1, 2, 250, 3, 256, 1, 511, 40]
  let size = 0
  for (const [turn, count] of sizes.entries()) {
    const appended = await log.append(entriesOf(size, count), { turn })
    assert.equal(appended.first, size)
    assert.ok(appended.leafHashes[0]!.equals(leafHash(entriesOf(size, 1)[0]!)))
    size += count
    if (turn % 2 === 0) continue
    await store.close()
    store = open()
    log = await openLog(store)
    assert.deepEqual([log.size, log.meta, String(log.last)], [size, { turn }, `entry ${size - 1}`])
  }
  assert.deepEqual(await readTree(open()), entriesOf(0, size).map(String))
  // Partial tiles are gone where the full one is, and there for the newest checkpoint.
  assert.deepEqual(await open().list('t/tile/0'), ['000', '001', '002', '003', '004.p/'])
  assert.deepEqual(await open().list('t/tile/entries'), ['000', '001', '002', '003', '004.p/'])
  await store.close()
})

testStores('entries are read from any index, forward and backward, and proven', async (_t, open) => {
  const store = open()
  const log = await openLog(store)
  await log.append(entriesOf(0, 300))
  const older = { size: log.size, root: log.root }
  await log.append(entriesOf(300, 300))
  const newer = { size: log.size, root: log.root }
  const reader = new TreeReader(store, 't/', () => log.size)
  for (const index of [0, 255, 256, 511, 599]) {
    const { first, entries } = await reader.entriesFrom(index)
    assert.deepEqual([first, String(entries[0])], [index, `entry ${index}`])
    checkInclusion(await reader.proveInclusion(index, 600), index, leafHash(entries[0]!), 600, newer.root)
    if (index < 300)
      checkInclusion(await reader.proveInclusion(index, 300), index, leafHash(entries[0]!), 300, older.root)
  }
  assert.deepEqual((await reader.entriesFrom(600)).entries, [])
  for (const index of [0, 255, 256, 300, 599]) {
    const { entries, offsets } = await reader.entriesFrom(index)
    const place = { index, offset: offsets[0]!, bytes: entries[0]!.length }
    assert.equal(String(await reader.entryAt(place)), `entry ${index}`)
    // Whoever has the place wrong is told what is there all the same.
    for (const wrong of [{ offset: place.offset + 1 }, { bytes: 3 }, { offset: 1_000_000 }])
      assert.equal(String(await reader.entryAt({ ...place, ...wrong })), `entry ${index}`)
  }
  assert.equal(await reader.entryAt({ index: 600, offset: 0, bytes: 8 }), undefined)
  checkConsistency(await reader.proveConsistency(300, 600), older, newer)
  const backward: string[] = []
  for await (const { entries } of reader.backward(520)) backward.push(...entries.toReversed().map(String))
  assert.deepEqual(backward, entriesOf(0, 520).map(String).toReversed())
  await store.close()
})

testStores('of two writers one goes on, and the log stays whole', async (_t, open) => {
  const [first, second] = [open(), open()]
  const log = await openLog(first)
  await log.append(entriesOf(0, 10))
  if (!first.place.startsWith('http')) {
    await assert.rejects(openLog(second), /another process writes to the log/)
    await first.close()
  }
  const taken = await openLog(second)
  await assert.rejects(log.append(entriesOf(10, 5)), /one writer/)
  await taken.append(entriesOf(10, 20))
  await assert.rejects(log.append(entriesOf(10, 5)), /one writer/)
  assert.deepEqual(await readTree(open()), entriesOf(0, 30).map(String))
  await second.close()
})

testStores('keys are rotated without opening the log again: for a while both sign', async (_t, open) => {
  const store = open()
  const newer = ed25519Signer(generateKeyPairSync('ed25519').privateKey, origin)
  let signers = [signer]
  // The clock stands still: an hour that passed would keep a checkpoint as well.
  const log = await openLog(store, { signers: () => Promise.resolve(signers), now: () => 1_000_000 })
  const signedBy = async () => {
    const note = (await store.read('t/checkpoint'))!.toString()
    return openCheckpoint(note, [signer.key, newer.key]).signedBy.map(({ id }) => id)
  }
  await log.append(entriesOf(0, 2))
  assert.deepEqual(await signedBy(), [signer.key.id])
  signers = [newer, signer]
  await log.append(entriesOf(2, 2))
  assert.deepEqual(await signedBy(), [newer.key.id, signer.key.id])
  signers = [newer]
  await log.append(entriesOf(4, 2))
  assert.deepEqual(await signedBy(), [newer.key.id])
  await readTree(store, [newer.key])
  // The checkpoint with both signatures is kept: whoever trusts the old key comes from it to the new one.
  assert.deepEqual(await store.list('t/checkpoints'), ['000000000000002', '000000000000004'])
  await store.close()
})

testStores('checkpoints are kept for each full tile, and for time that passed', async (_t, open) => {
  const store = open()
  let nowMs = 1_000_000
  const log = await openLog(store, { now: () => nowMs, keepEveryMs: 1000 })
  for (let size = 0; size < 600; size += 100) await log.append(entriesOf(size, 100))
  nowMs += 1000
  await log.append(entriesOf(600, 1))
  await log.append(entriesOf(601, 1))
  const kept = (await store.list('t/checkpoints')).map(Number)
  assert.deepEqual(kept, [100, 300, 600, 601])
  await store.close()
})

testStores('an entry over the limit is refused, and the log goes on', async (_t, open) => {
  const store = open()
  const log = await openLog(store)
  await assert.rejects(log.append([Buffer.alloc(65_536)]), /65536 bytes is too long/)
  await log.append([Buffer.alloc(65_535, 'a')])
  assert.equal((await readTree(store))[0]!.length, 65_535)
  await store.close()
})

testStores('a log that was changed, or lost its end, is not written on', async (_t, open) => {
  const seeded = async (folder: string) => {
    const store = open()
    const log = await openLog(store, { folder })
    await log.append(entriesOf(0, 260))
    await log.append(entriesOf(260, 3))
    await store.close()
  }
  const damage: [string, (bytes: Buffer) => Buffer | undefined, RegExp][] = [
    ['tile/entries/001.p/4', (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from('X')]), /entry 259 is not/],
    ['tile/entries/001.p/4', (bytes) => bytes.subarray(0, -3), /001\.p\/4: entry 3 of 4 is cut short \(byte 33\)/],
    ['tile/0/001.p/4', (bytes) => bytes.subarray(1), /it has 127 bytes and not 128/],
    ['tile/1/000.p/1', (bytes) => Buffer.from(bytes.toReversed()), /not those of the first 260/],
    ['journal', (bytes) => bytes.subarray(0, -1), /journal: it is not what its checksum says/],
    ['checkpoint', () => Buffer.from('countersign.dev/other\n1\nAAAA\n\n— a AAAAAAAA\n'), /checkpoint: it is not/],
  ]
  for (const [turn, [path, change, reason]] of damage.entries()) {
    const folder = `t${turn}/`
    await seeded(folder)
    const store = open()
    await store.write([{ path: folder + path, bytes: change((await store.read(folder + path))!)! }])
    await assert.rejects(openLog(store, { folder }), reason, path)
    await store.close()
  }
  // Set back: an older journal under the newest checkpoint.
  await seeded('t/')
  let store = open()
  const journal = (await store.read('t/journal'))!
  await (await openLog(store)).append(entriesOf(263, 1))
  await store.write([{ path: 't/journal', bytes: journal }])
  await store.close()
  store = open()
  await assert.rejects(openLog(store), /vouches for 264 entries, and the journal ends at 263/)
  await store.close()
})

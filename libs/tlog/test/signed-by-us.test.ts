import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { decodeJournal, encodeJournal } from '../src/log/journal.ts'
import { loadEdge } from '../src/log/load-edge.ts'
import { LogBroken } from '../src/log/log-broken.ts'
import { grow, rootOf } from '../src/log/right-edge.ts'
import { openCheckpoint, readCheckpoint, signCheckpoint } from '../src/note/checkpoint.ts'
import { cosigner, ed25519Signer, type Signer } from '../src/note/keys.ts'
import { addSignature } from '../src/note/note.ts'
import type { Store } from '../src/store/store.ts'
import { testStores } from './drivers.ts'
import { entriesOf, openLog, origin, readTree, signer } from './logs.ts'

const newSigner = (name = origin) => ed25519Signer(generateKeyPairSync('ed25519').privateKey, name)
const by = (...signers: Signer[]) => ({ signers: () => Promise.resolve(signers) })
const notOurs =
  /is not gone on with: its checkpoint in .* is signed by none of the keys in COUNTERSIGN_AUDIT_KEY_FILE .*put it back .*for one start.*somebody else wrote this log/

/** Replaces the newest batch by another one of the same length, as somebody can who may write the files but has no key. */
async function forgeJournal(store: Store, sign: Signer): Promise<void> {
  const journal = decodeJournal((await store.read('t/journal'))!)
  const entries = journal.entries.map((entry) => Buffer.from(String(entry).replace('entry', 'forged')))
  const { edge } = grow(await loadEdge(store, 't/', journal.from), entries)
  const note = signCheckpoint({ origin, size: edge.size, root: rootOf(edge) }, [sign])
  await store.write([{ path: 't/journal', bytes: encodeJournal({ ...journal, entries, note }) }])
}

async function seeded(open: () => Store): Promise<Store> {
  const store = open()
  const log = await openLog(store)
  await log.append(entriesOf(0, 300))
  await log.append(entriesOf(300, 4))
  await store.close()
  return store
}

const textOf = async (store: Store, path: string) => (await store.read(path))!.toString()

testStores('I8: a newest batch that somebody without a key put there is not signed', async (_t, open) => {
  const store = await seeded(open)
  const stranger = newSigner()
  await forgeJournal(store, stranger)
  // Nor does it help to put the key beside the log, or the checkpoint under it.
  const keys = await textOf(store, 't/verifier-keys')
  await store.write([{ path: 't/verifier-keys', bytes: Buffer.from(`${stranger.key.text}\n${keys}`) }])
  const kept = await store.read('t/journal')
  const opens = async () => {
    const opened = open()
    await openLog(opened).finally(() => opened.close())
  }
  await assert.rejects(opens(), (error) => error instanceof LogBroken && notOurs.test(error.message))
  assert.deepEqual(await store.read('t/journal'), kept)
  const { note } = decodeJournal(kept!)
  await store.write([{ path: 't/checkpoint', bytes: Buffer.from(note) }])
  await assert.rejects(opens(), notOurs)
  // What a witness says is nothing that the log says.
  const witness = cosigner(generateKeyPairSync('ed25519').privateKey, 'witness.example/w')
  const cosigned = encodeJournal({ ...decodeJournal(kept!), note: addSignature(note, witness) })
  await store.write([{ path: 't/journal', bytes: cosigned }])
  await assert.rejects(opens(), notOurs)
})

testStores('I8: a checkpoint by another key, or of another log, is refused', async (_t, open) => {
  const store = await seeded(open)
  const real = await textOf(store, 't/checkpoint')
  const checkpoint = readCheckpoint(real)
  const put = async (note: string) => {
    await store.write([{ path: 't/checkpoint', bytes: Buffer.from(note) }])
    const opened = open()
    return openLog(opened).finally(() => opened.close())
  }
  const stranger = newSigner()
  for (const size of [3, 300, 304, 305]) {
    const forged = signCheckpoint({ ...checkpoint, size, root: Buffer.alloc(32, size) }, [stranger])
    await assert.rejects(put(forged), notOurs, String(size))
  }
  const changed = real.replace('\n304\n', '\n303\n')
  await assert.rejects(put(changed), /t\/checkpoint: the signature .* does not verify: the text was changed/)
  const other = signCheckpoint({ ...checkpoint, origin: 'countersign.dev/audit/other' }, [signer])
  await assert.rejects(put(other), /it is of another log, countersign.dev\/audit\/other/)
  // Names of the log's own keys are not enough.
  const named = { ...signer, sign: () => Buffer.alloc(64) }
  await assert.rejects(put(signCheckpoint(checkpoint, [named])), /does not verify/)
  assert.equal((await put(real)).size, 304)
})

testStores('I8: each tenant is for itself: what is of one is not taken for another’s', async (_t, open) => {
  const store = await seeded(open)
  const another = 'countersign.dev/audit/another'
  const { privateKey } = generateKeyPairSync('ed25519')
  const own = { folder: 'u/', origin: another, ...by(ed25519Signer(privateKey, another)) }
  let opened = open()
  await (await openLog(opened, own)).append(entriesOf(0, 2))
  await opened.close()
  await forgeJournal(store, newSigner())
  opened = open()
  await assert.rejects(openLog(opened), notOurs)
  assert.equal((await openLog(opened, own)).size, 2)
  await opened.close()
  await store.write([{ path: 'u/journal', bytes: (await store.read('t/journal'))! }])
  await assert.rejects(openLog(open(), own), /it is of another log/)
})

testStores('a key that was replaced is asked for, and needed for one start', async (_t, open) => {
  const store = await seeded(open)
  const newer = newSigner()
  const start = async (...signers: Signer[]) => {
    const opened = open()
    try {
      return (await openLog(opened, by(...signers))).size
    } finally {
      await opened.close()
    }
  }
  await assert.rejects(start(newer), notOurs)
  await assert.rejects(start(), notOurs)
  assert.deepEqual((await textOf(store, 't/verifier-keys')).trim().split('\n'), [signer.key.text])
  // Without a record: the checkpoint that is there is signed by both, and kept, for those who know the old key only.
  assert.equal(await start(newer, signer), 304)
  for (const file of ['t/checkpoint', 't/checkpoints/000000000000304']) {
    const { signedBy } = openCheckpoint(await textOf(store, file), [signer.key, newer.key])
    assert.deepEqual(new Set(signedBy), new Set([newer.key, signer.key]), file)
  }
  assert.equal(await start(newer), 304)
  const opened = open()
  await (await openLog(opened, by(newer))).append(entriesOf(304, 2))
  await opened.close()
  assert.deepEqual(await readTree(store, [newer.key]), entriesOf(0, 306).map(String))
  await assert.rejects(start(signer), notOurs)
})

testStores('a crash while keys are rotated leaves a log that opens', async (_t, open) => {
  const base = await seeded(open)
  const newer = newSigner()
  let signers = [signer]
  let failing = ''
  const opened = open()
  const store = Object.assign(Object.create(opened) as Store, {
    swap: (...[path, bytes, version]: Parameters<Store['swap']>) => {
      if (path === failing) return Promise.reject(new Error('it stopped'))
      return opened.swap(path, bytes, version)
    },
    ...{ read: opened.read.bind(opened), readVersion: opened.readVersion.bind(opened), list: opened.list.bind(opened) },
    ...{ write: opened.write.bind(opened), removeFolder: opened.removeFolder.bind(opened) },
    ...{ claim: opened.claim.bind(opened), close: opened.close.bind(opened) },
  })
  const log = await openLog(store, { signers: () => Promise.resolve(signers) })
  // The old key goes between a journal that it signed and the next look at it.
  failing = 't/checkpoint'
  await assert.rejects(log.append(entriesOf(304, 2)), /it stopped/)
  failing = ''
  signers = [newer]
  await log.append(entriesOf(306, 2))
  // The journal is signed by the new key, the checkpoint before it by a key that is gone.
  signers = [signer]
  await log.append(entriesOf(308, 2))
  signers = [newer]
  failing = 't/checkpoint'
  await assert.rejects(log.append(entriesOf(310, 2)), /it stopped/)
  await store.close()
  const next = open()
  assert.equal((await openLog(next, by(newer))).size, 312)
  await next.close()
  assert.deepEqual(await readTree(base, [newer.key]), entriesOf(0, 312).map(String))
})

testStores('a checkpoint that witnesses cosigned is the log’s own still', async (_t, open) => {
  const store = open()
  const log = await openLog(store)
  await log.append(entriesOf(0, 3))
  const witness = cosigner(generateKeyPairSync('ed25519').privateKey, 'witness.example/w')
  await log.keepCosigned(addSignature(await textOf(store, 't/checkpoint'), witness))
  await log.append(entriesOf(3, 1))
  await log.keepCosigned(addSignature(await textOf(store, 't/checkpoint'), witness))
  await store.close()
  const next = open()
  assert.equal((await openLog(next)).size, 4)
  await next.close()
})

testStores('a log without records is anybody’s to begin', async (_t, open) => {
  const [first, second] = [open(), open()]
  assert.equal((await openLog(first)).size, 0)
  await first.close()
  const newer = newSigner()
  await (await openLog(second, by(newer))).append(entriesOf(0, 1))
  await second.close()
  assert.deepEqual(await readTree(open(), [newer.key]), ['entry 0'])
})

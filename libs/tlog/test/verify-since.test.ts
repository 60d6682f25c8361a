import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readCheckpoint, signCheckpoint } from '../src/note/checkpoint.ts'
import { ed25519Signer, verifierKey } from '../src/note/keys.ts'
import { DirectoryStore } from '../src/store/directory-store.ts'
import { TreeReader } from '../src/log/tree-reader.ts'
import { checkSince } from '../src/verify/check-since.ts'
import { describeProblem } from '../src/verify/problem.ts'
import { verifyConsistency } from '../src/verify/verify-consistency.ts'
import { verifyLog } from '../src/verify/verify-log.ts'
import { privateKey, wholeCalls, writeLog } from './records.ts'

const origin = 'countersign.dev/audit/default'
const publicKey = createPublicKey(privateKey)
const trusted = [verifierKey(publicKey, origin)]

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-since-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'audit')
}

/** What is wrong between a log and a checkpoint that was kept. */
async function problemsSince(dir: string, note: string, keys = trusted): Promise<string[]> {
  const { problems } = await checkSince({ dir }, await treesOf(dir), { note, file: 'saved', trusted: keys })
  return problems.map(describeProblem)
}

const verified = new Map<string, ReturnType<typeof verifyLog>>()
async function treesOf(dir: string) {
  if (!verified.has(dir)) verified.set(dir, verifyLog({ dir }, { trusted }))
  return (await verified.get(dir)!).trees
}

test('I8: a checkpoint that was kept shows that a log was set back, made anew or replaced as a whole', async (t) => {
  const dir = await folder(t)
  const kept: string[] = []
  // Sizes at the edges of tiles and between them.
  for (const calls of [1, 63, 1, 36, 300]) {
    await writeLog(dir, wholeCalls(calls))
    kept.push(await readFile(join(dir, 'default/checkpoint'), 'utf8'))
  }
  const sizes = kept.map((note) => readCheckpoint(note).size)
  assert.deepEqual(sizes, [4, 256, 260, 404, 1604])
  for (const note of kept) {
    const trees = await treesOf(dir)
    const since = await checkSince({ dir }, trees, { note, file: 'saved', trusted })
    assert.deepEqual(since, { origin, size: readCheckpoint(note).size, folder: 'default/', problems: [] })
    // Without keys of one's own, by those that lie beside it.
    assert.deepEqual((await checkSince({ dir }, trees, { note, file: 'saved', trusted: [] })).problems, [])
  }

  const signer = ed25519Signer(privateKey, origin)
  const last = kept.at(-1)!
  const other = signCheckpoint({ origin, size: 404, root: Buffer.alloc(32, 1) }, [signer])
  assert.match(
    (await problemsSince(dir, other)).join(),
    /^saved: the log does not go on from it: its first 404 entries do not have the root hash AQEBA\S+= that was signed then$/,
  )
  const stranger = ed25519Signer(generateKeyPairSync('ed25519').privateKey, origin)
  const forged = signCheckpoint(readCheckpoint(kept[1]!), [stranger])
  assert.match((await problemsSince(dir, forged)).join(), /^saved: no trusted key signed it/)
  const acme = 'countersign.dev/audit/acme'
  const elsewhere = signCheckpoint({ ...readCheckpoint(last), origin: acme }, [ed25519Signer(privateKey, acme)])
  assert.deepEqual(await problemsSince(dir, elsewhere, [verifierKey(publicKey, 'any')]), [
    `saved: it is of the log ${acme}, which is not here; here is ${origin}`,
  ])
  assert.match((await problemsSince(dir, elsewhere)).join(), /it is the log .*acme, and the key .* another log/)
  assert.match((await problemsSince(dir, 'no note')).join(), /^saved: it is not a signed note/)

  // A whole log in which, by itself, nothing is wrong: shorter, or with other calls.
  const shorter = await folder(t)
  await writeLog(shorter, wholeCalls(100))
  assert.deepEqual((await verifyLog({ dir: shorter }, { trusted })).problems, [])
  assert.deepEqual(await problemsSince(shorter, last), [
    'saved: it is for 1604 entries, and the log has 400: the log was set back',
  ])
  const anew = await folder(t)
  await writeLog(anew, wholeCalls(500))
  assert.match((await problemsSince(anew, last)).join(), /^saved: the log does not go on from it: its first 1604 /)
  assert.match((await problemsSince(anew, kept[0]!)).join(), /^saved: the log does not go on from it: its first 4 /)
})

test('I8: of a log whose tiles are broken a kept checkpoint is not said to fit, and nothing is thrown', async (t) => {
  const dir = await folder(t)
  await writeLog(dir, wholeCalls(100))
  const note = await readFile(join(dir, 'default/checkpoints/000000000000300'), 'utf8')
  await cp(dir, `${dir}-whole`, { recursive: true })
  await rm(join(dir, 'default/tile/0/001.p/144'))
  const problems = await problemsSince(dir, note)
  assert.match(problems.join('\n'), /^saved: whether the log goes on from it cannot be seen: /)
  assert.deepEqual(await problemsSince(`${dir}-whole`, note), [])
})

test('I8: a key that was given out for the log of one tenant is refused for that of another', async (t) => {
  const dir = await folder(t)
  await writeLog(
    dir,
    wholeCalls(20, (call) => `t${call % 2}`),
  )
  const named = (name: string) => verifierKey(publicKey, name)
  const [ours, theirs] = ['countersign.dev/audit/t0', 'countersign.dev/audit/t1'].map(named)
  const problems = async (place: string, keys: (typeof ours)[]) =>
    (await verifyLog({ dir: join(dir, place) }, { trusted: keys as NonNullable<typeof ours>[] })).problems.map(
      describeProblem,
    )
  assert.deepEqual(await problems('t0', [ours]), [])
  assert.deepEqual(await problems('t1', [ours]), [
    'checkpoint: it is the log countersign.dev/audit/t1, and the key that was given is for another log: countersign.dev/audit/t0',
  ])
  assert.match((await problems('t1', [named('acme.example/audit/t1')])).join(), /is for another log: acme\.example/)
  // The folder of all: with a key for each, or one that names no log.
  assert.deepEqual(await problems('', [ours, theirs]), [])
  assert.deepEqual(await problems('', [named('any')]), [])
  assert.match((await problems('', [theirs]))[0]!, /^t0\/checkpoint: it is the log .*t0, and the key .*t1$/)
})

test('I8: that a log goes on from a checkpoint is proven by the two and the hashes between them', async (t) => {
  const dir = await folder(t)
  await writeLog(dir, wholeCalls(50))
  const earlier = await readFile(join(dir, 'default/checkpoint'), 'utf8')
  await writeLog(dir, wholeCalls(70))
  const checkpoint = await readFile(join(dir, 'default/checkpoint'), 'utf8')
  const { size } = readCheckpoint(checkpoint)
  const reader = new TreeReader(new DirectoryStore(dir), 'default/', () => size)
  const proof = (await reader.proveConsistency(200, size)).map((hash) => hash.toString('base64'))
  const proven = verifyConsistency({ earlier, checkpoint, proof }, trusted)
  assert.deepEqual([proven.origin, proven.earlier.size, proven.newer.size], [origin, 200, 480])
  assert.deepEqual(proven.signedBy, [`${origin}+${trusted[0]!.id}`])
  const bad = (more: object, reason: RegExp, keys = trusted) =>
    assert.throws(() => verifyConsistency({ earlier, checkpoint, proof, ...more }, keys), reason)
  bad({ proof: proof.slice(1) }, /proof|tree/)
  bad({ earlier: checkpoint, checkpoint: earlier }, /a tree of 200 entries did not grow from one of 480/)
  const signer = ed25519Signer(privateKey, origin)
  bad(
    { earlier: signCheckpoint({ origin, size: 200, root: Buffer.alloc(32) }, [signer]) },
    /it does not contain the tree of 200 entries/,
  )
  bad({}, /is for another log/, [verifierKey(publicKey, 'countersign.dev/audit/acme')])
  bad({}, /no trusted key signed it/, [])
  bad({ checkpoint: checkpoint.replace('\n480\n', '\n481\n') }, /does not verify/)
})

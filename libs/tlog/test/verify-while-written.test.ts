import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { auditLogOrigin } from '@countersign/contracts'
import { findVersitygw, startS3 } from '@countersign/testing'
import { decodeJournal, encodeJournal } from '../src/log/journal.ts'
import { TreeLog } from '../src/log/tree-log.ts'
import { TreeReader } from '../src/log/tree-reader.ts'
import { readCheckpoint, signCheckpoint } from '../src/note/checkpoint.ts'
import { cosigner, ed25519Signer, verifierKey } from '../src/note/keys.ts'
import { addSignature } from '../src/note/note.ts'
import { DirectoryStore } from '../src/store/directory-store.ts'
import { openStore, type StoreLocation } from '../src/store/open-store.ts'
import type { Store } from '../src/store/store.ts'
import { RecordChecker } from '../src/verify/check-records.ts'
import { checkRecordsSince } from '../src/verify/check-records-since.ts'
import { readTreeStarts } from '../src/verify/check-tree-start.ts'
import { describeProblem, type Problem } from '../src/verify/problem.ts'
import { readRecordFacts } from '../src/verify/record-facts.ts'
import { verifyLog } from '../src/verify/verify-log.ts'
import { parseWitnessPolicy } from '../src/witness/witness-policy.ts'
import { privateKey, recordOf } from './records.ts'

const trusted = [verifierKey(createPublicKey(privateKey), 'any')]
const events = ['requested', 'allowed', 'dispatched', 'succeeded']
const run = promisify(execFile)

/** Seals calls of several tenants as audit does: a batch at once, each tenant's part of it by itself. */
class Writer {
  readonly #store: Store
  readonly #trees = new Map<string, Promise<TreeLog>>()
  #claimed: Promise<void> | undefined
  #seq = 0
  #calls = 0
  readonly #stopped = new AbortController()
  #done: Promise<void> = Promise.resolve()

  constructor(store: Store) {
    this.#store = store
  }

  tree(tenant: string): Promise<TreeLog> {
    const origin = auditLogOrigin(tenant)
    const open = async () => {
      this.#claimed ??= this.#store.claim()
      await this.#claimed
      const signers = () => Promise.resolve([ed25519Signer(privateKey, origin)])
      return TreeLog.open({ store: this.#store, folder: `${tenant}/`, origin, signers, keepEveryMs: 10 })
    }
    if (!this.#trees.has(tenant)) this.#trees.set(tenant, open())
    return this.#trees.get(tenant)!
  }

  /** A batch with a call of each tenant, their events in turn. */
  async seal(tenants: readonly string[]): Promise<void> {
    const call = this.#calls++
    const parts = new Map<string, Buffer[]>(tenants.map((tenant) => [tenant, []]))
    for (const event of events) {
      for (const [tenant, part] of parts) {
        part.push(recordOf(++this.#seq, tenant, `while written ${call} ${tenant}`, event))
      }
    }
    await Promise.all([...parts].map(async ([tenant, part]) => (await this.tree(tenant)).append(part)))
  }

  /** Seals without end: two tenants in each batch, and every 40 batches a new one. */
  start(): void {
    this.#done = (async () => {
      for (let turn = 0; !this.#stopped.signal.aborted; turn++) {
        const third = turn % 40 === 39 ? [`n${(turn + 1) / 40}`] : []
        await this.seal(['t0', 't1', ...third])
      }
    })()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#done
    await this.#store.close()
  }
}

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-while-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'audit')
}

const problemsOf = async (location: StoreLocation) =>
  (await verifyLog(location, { trusted })).problems.map(describeProblem)

const missed = (seq: number) =>
  new RegExp(`^all logs: event ${seq} of CALLS was sealed, as what follows says, but in no log that is here`)
const hint = /Either that was lost or taken away, or this is a copy that has its trees as of different moments/

/** The commands that the documentation has for copying a log. */
async function copyCommands(): Promise<string> {
  const text = await readFile(new URL('../../../docs/audit-log.md', import.meta.url), 'utf8')
  const found = [...text.matchAll(/```sh\n([^`]*)```/g)].find(([, commands]) => commands!.includes('$COPY'))
  return found![1]!
}

test('I8: a log that goes on verifies, again and again, and so does each copy that is made as documented', async (t) => {
  const dir = await folder(t)
  const writer = new Writer(new DirectoryStore(dir))
  await writer.seal(['t0', 't1'])
  writer.start()
  const commands = await copyCommands()
  const sizes: number[] = []
  try {
    for (let turn = 0; turn < 5; turn++) {
      assert.deepEqual(await problemsOf({ dir }), [], `live, ${turn}`)
      const copy = `${dir}-copy${turn}`
      // What `cp` says of files that are gone is of no matter.
      await run('sh', ['-c', commands], { env: { ...process.env, COUNTERSIGN_AUDIT_DIR: dir, COPY: copy } }).catch(
        () => {},
      )
      const found = await verifyLog({ dir: copy }, { trusted })
      assert.deepEqual(found.problems.map(describeProblem), [], `copy ${turn}`)
      sizes.push(found.records)
      // It can be gone on with, and has all that its checkpoints vouch for.
      const restored = new Writer(new DirectoryStore(copy))
      for (const { folder: tenant, size } of found.trees) {
        assert.ok((await restored.tree(tenant.slice(0, -1))).size >= size)
      }
      await restored.stop()
      await rm(copy, { recursive: true })
    }
  } finally {
    await writer.stop()
  }
  assert.ok(sizes.at(-1)! > sizes[0]!, `it went on: ${sizes.join()}`)
  assert.deepEqual(await problemsOf({ dir }), [])
})

test('I8: what vouches for trees is read so that nothing that was kept is newer, however fast they grow', async (t) => {
  const dir = await folder(t)
  const store = new DirectoryStore(dir)
  const writer = new Writer(store)
  const grow = async () => {
    // Enough for a checkpoint to be kept.
    const entries = Array.from({ length: 256 }, (_, place) => Buffer.from(`entry ${place}`))
    for (const tenant of ['t0', 't1']) await (await writer.tree(tenant)).append(entries)
  }
  await grow()
  const growing = new DirectoryStore(dir)
  // After each answer the log goes on before anything else is asked.
  const { read, list } = DirectoryStore.prototype
  growing.read = async (path) => {
    const bytes = await read.call(growing, path)
    await grow()
    return bytes
  }
  growing.list = async (path) => {
    const names = await list.call(growing, path)
    await grow()
    return names
  }
  const problems: unknown[] = []
  const starts = await readTreeStarts(growing, ['t0/', 't1/'], trusted, (problem) => problems.push(problem))
  assert.deepEqual(problems, [])
  assert.equal(starts.length, 2)
  const keptOf = Math.max(...starts.flatMap(({ kept }) => kept.map(({ size }) => size)))
  for (const { vouched, kept } of starts) {
    assert.ok(kept.length > 0)
    assert.ok(vouched!.checkpoint.size >= keptOf, 'of all trees, before the newest of any')
  }
  await store.close()
})

test('I8: the first checkpoint of a tree is waited for, and missed when it does not come', async (t) => {
  const dir = await folder(t)
  const writer = new Writer(new DirectoryStore(dir))
  await writer.seal(['t0', 't1'])
  await writer.stop()
  // As it is between the first journal and the first checkpoint.
  const checkpoint = await readFile(join(dir, 't1/checkpoint'))
  await rm(join(dir, 't1/checkpoint'))
  await rm(join(dir, 't1/checkpoints'), { recursive: true })
  const [told, ...others] = await problemsOf({ dir })
  assert.equal(told, 't1/checkpoint: it is missing, so nothing vouches for this tree')
  for (const [place, seq] of [2, 4, 6].entries()) {
    assert.match(others[place]!, missed(seq))
    assert.match(others[place]!, hint)
  }
  const store = new DirectoryStore(dir)
  let looks = 0
  const { list } = DirectoryStore.prototype
  store.list = async (path) => {
    if (path === 't1' && ++looks === 3) await writeFile(join(dir, 't1/checkpoint'), checkpoint)
    return list.call(store, path)
  }
  const problems: unknown[] = []
  const starts = await readTreeStarts(store, ['t0/', 't1/'], trusted, (problem) => problems.push(problem))
  assert.deepEqual([problems, starts.map(({ vouched }) => vouched?.checkpoint.size), looks], [[], [4, 4], 3])
})

test('I8: events are not missed that a tree has which was begun since, and those of a stranger’s tree do not count', async (t) => {
  const dir = await folder(t)
  const writer = new Writer(new DirectoryStore(dir))
  await writer.seal(['t0', 't1'])
  await writer.stop()
  const store = new DirectoryStore(dir)
  const check = async (keys = trusted) => {
    const problems: Problem[] = []
    const tell = (problem: Problem) => problems.push(problem)
    const records = new RecordChecker(tell)
    const starts = await readTreeStarts(store, ['t0/'], trusted, tell)
    records.beginTree()
    const { entries } = await new TreeReader(store, 't0/', () => 4).entriesFrom(0)
    for (const [entry, bytes] of entries.entries()) {
      const { content: _content, callId, ...facts } = readRecordFacts(bytes, 't0')
      const call = Buffer.from(callId!.replaceAll('-', ''), 'hex').toString('latin1')
      records.add({ ...facts, call }, 't0/tile/entries/000.p/4', entry)
    }
    await checkRecordsSince(store, starts, keys, records)
    records.end(true)
    return problems
  }
  assert.deepEqual(await check(), [])
  const stranger = [verifierKey(generateKeyPairSync('ed25519').publicKey, 'any')]
  const told = (await check(stranger)).map(describeProblem)
  assert.equal(told.length, 3)
  for (const [place, seq] of [2, 4, 6].entries()) assert.match(told[place]!, missed(seq))
})

const s3 = await findVersitygw()
test('I8: a log in a bucket that goes on verifies', { skip: 'none' in s3 && s3.none }, async (t) => {
  if ('none' in s3) return
  const location = { s3: { ...(await startS3(t, s3.path)), prefix: 'audit/' } }
  const writer = new Writer(openStore(location))
  await writer.seal(['t0', 't1'])
  writer.start()
  try {
    for (let turn = 0; turn < 6; turn++) assert.deepEqual(await problemsOf(location), [], `live, ${turn}`)
  } finally {
    await writer.stop()
  }
  assert.deepEqual(await problemsOf(location), [])
})

test('a log verifies while witnesses cosign it', async (t) => {
  const dir = await folder(t)
  const writer = new Writer(new DirectoryStore(dir))
  const witness = cosigner(generateKeyPairSync('ed25519').privateKey, 'witness.example/w')
  const witnesses = parseWitnessPolicy(`witness W ${witness.key.text}\nquorum W\n`)
  let going = true
  const sealAndCosign = async () => {
    await writer.seal(['t0'])
    const note = await readFile(join(dir, 't0/checkpoint'), 'utf8')
    await (await writer.tree('t0')).keepCosigned(addSignature(note, witness))
  }
  await sealAndCosign()
  const done = (async () => {
    while (going) await sealAndCosign()
  })()
  try {
    for (let turn = 0; turn < 15; turn++) {
      const { problems } = await verifyLog({ dir }, { trusted, witnesses })
      assert.deepEqual(problems.map(describeProblem), [], `live, ${turn}`)
    }
  } finally {
    going = false
    await done
    await writer.stop()
  }
})

test('I8: what a journal has counts only as far as a key of the log signed it, and a tree that was set back is missed', async (t) => {
  const dir = await folder(t)
  const writer = new Writer(new DirectoryStore(dir))
  for (let turn = 0; turn < 10; turn++) await writer.seal(['t0', 't1'])
  const older = `${dir}-older`
  await cp(join(dir, 't0'), older, { recursive: true })
  for (let turn = 0; turn < 10; turn++) await writer.seal(['t0', 't1'])
  await writer.stop()
  const newer = `${dir}-newer`
  await cp(join(dir, 't0'), newer, { recursive: true })
  const setBack = async (...kept: string[]) => {
    await rm(join(dir, 't0'), { recursive: true })
    await cp(older, join(dir, 't0'), { recursive: true })
    for (const path of kept) await cp(join(newer, path), join(dir, 't0', path), { recursive: true })
    return (await problemsOf({ dir })).join('\n')
  }
  assert.match(await setBack(), missed(81))
  assert.match(await setBack(), hint)
  // As in a copy: the checkpoint is older than the journal, and what is between is there.
  assert.equal(await setBack('journal', 'tile'), '')
  assert.match(await setBack('journal'), missed(81))
  // The journal of another key, and one whose entries are not those that it was signed over.
  const journal = await readFile(join(newer, 'journal'))
  assert.equal(readCheckpoint(await readFile(join(newer, 'checkpoint'), 'utf8')).size, 80)
  assert.match(await setBack('tile'), missed(81))
  await cp(join(newer, 'tile'), join(dir, 't0/tile'), { recursive: true })
  const stranger = ed25519Signer(generateKeyPairSync('ed25519').privateKey, auditLogOrigin('t0'))
  const decoded = decodeJournal(journal)
  const note = signCheckpoint(readCheckpoint(decoded.note), [stranger])
  await writeFile(join(dir, 't0/journal'), encodeJournal({ ...decoded, note }))
  assert.match((await problemsOf({ dir })).join('\n'), missed(81))
  const others = [
    ...decoded.entries.slice(0, -1),
    Buffer.from(String(decoded.entries.at(-1)).replace('read_', 'drop_')),
  ]
  await writeFile(join(dir, 't0/journal'), encodeJournal({ ...decoded, entries: others }))
  assert.match((await problemsOf({ dir })).join('\n'), missed(81))
  await writeFile(join(dir, 't0/journal'), journal)
  assert.equal((await problemsOf({ dir })).join('\n'), '')
  await appendFile(join(dir, 't0/journal'), journal.subarray(0, 1))
  assert.match((await problemsOf({ dir })).join('\n'), missed(81))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TreeLog } from '../src/log/tree-log.ts'
import { readCheckpoint } from '../src/note/checkpoint.ts'
import { DirectoryStore } from '../src/store/directory-store.ts'
import type { Store, StoreFile } from '../src/store/store.ts'
import { testStores } from './drivers.ts'
import { Crash, FaultDisk, type Left } from './fault-disk.ts'
import { entriesOf, openLog, readTree, signer } from './logs.ts'

const total = 264
/** Over the edge of a tile, so that every kind of file is written, made wider and removed. */
const sizes = [253, 255, 256, 257, 258, 263, total]

/** Appends what is missing, as a caller does who knows where the log is: what it says is in it is not given again. */
async function appendRest(log: TreeLog, acknowledged: (size: number) => void): Promise<void> {
  for (const size of sizes) {
    if (size <= log.size) continue
    await log.append(entriesOf(log.size, size - log.size), { size })
    acknowledged(size)
  }
}

async function openOn(disk: FaultDisk): Promise<{ store: Store; log: TreeLog }> {
  const store = new DirectoryStore('/log', disk)
  return { store, log: await openLog(store) }
}

const all = entriesOf(0, total).map(String)

async function checkCrash(start: FaultDisk, left: Left, stopAt: number, stopAgainAt: number): Promise<void> {
  const disk = start.after('all', stopAt)
  let acknowledged = 0
  const crashed = async () => {
    const { log } = await openOn(disk)
    await appendRest(log, (size) => (acknowledged = size))
  }
  await assert.rejects(crashed(), Crash)
  // While it recovers it may stop again.
  const again = disk.after(left, stopAgainAt)
  await openOn(again).catch((error: unknown) => assert.ok(error instanceof Crash))
  const last = again.after(left)
  const found = await readTree(new DirectoryStore('/log', last))
  assert.deepEqual(found, all.slice(0, found.length))
  assert.ok(found.length >= acknowledged, 'what was acknowledged is there')
  const { store, log } = await openOn(last)
  assert.ok(log.size >= acknowledged)
  assert.deepEqual(log.meta, log.size === 0 ? {} : { size: log.size })
  await appendRest(log, () => {})
  assert.deepEqual(await readTree(store), all)
}

test(
  'I12: stopped at any byte of any write, a log goes on without a gap or a duplicate',
  { timeout: 300_000 },
  async () => {
    const whole = new FaultDisk()
    const { log } = await openOn(whole)
    await log.append(entriesOf(0, 250), { size: 250 })
    const before = whole.after('synced')
    assert.deepEqual(await readTree(new DirectoryStore('/log', before)), all.slice(0, 250))
    const dry = before.after('all')
    await appendRest((await openOn(dry)).log, () => {})
    assert.ok(dry.steps > 10_000)
    // Every byte around the ends of writes and every other operation, and every 53rd byte within.
    for (const [turn, stopAt] of (await stopsOf(before)).entries()) {
      await checkCrash(before, turn % 2 === 0 ? 'all' : 'synced', stopAt, (turn * 37) % 9000)
    }
  },
)

test('I12: the first append of a log may stop at any byte too', async () => {
  const empty = new FaultDisk()
  const dry = empty.after('all')
  const first = async (disk: FaultDisk) => void (await (await openOn(disk)).log.append(entriesOf(0, 2)))
  await first(dry)
  for (let stopAt = 0; stopAt < dry.steps; stopAt++) {
    for (const left of ['all', 'synced'] as const) {
      const disk = empty.after('all', stopAt)
      await assert.rejects(first(disk), Crash)
      const last = disk.after(left)
      const { store, log } = await openOn(last)
      assert.ok([0, 2].includes(log.size))
      if (log.size === 0) await log.append(entriesOf(0, 2))
      assert.deepEqual(await readTree(store), all.slice(0, 2))
    }
  }
})

test('I8, I12: a process that dies, or a write that fails, and a power failure later lose nothing that was acknowledged', async () => {
  const dry = new FaultDisk()
  const first = async (disk: FaultDisk) => void (await (await openOn(disk)).log.append(entriesOf(0, 2)))
  await first(dry)
  for (let stopAt = 0; stopAt < dry.steps; stopAt += stopAt < 50 ? 1 : 7) {
    // The process dies, the next one goes on with what the system still had in memory, and then the power fails.
    const disk = new FaultDisk(stopAt)
    await assert.rejects(first(disk), Crash)
    const next = disk.after('all')
    const { log } = await openOn(next)
    await log.append(entriesOf(log.size, 3))
    const acknowledged = log.size
    const left = await readTree(new DirectoryStore('/log', next.after('synced')))
    assert.equal(left.length, acknowledged, `after a crash at step ${stopAt}`)
  }
  // A sync that fails once, as on a full disk, within one process.
  for (let failAt = 0, syncs = 0; failAt <= syncs; failAt++) {
    syncs = 0
    class FailingDisk extends FaultDisk {
      override syncFolder(path: string) {
        return syncs++ === failAt ? Promise.reject(new Error('no space left on device')) : super.syncFolder(path)
      }
    }
    const disk = new FailingDisk()
    const store = new DirectoryStore('/log', disk)
    const log = await openLog(store).catch(() => openLog(store))
    for (const size of [2, 5]) {
      await log.append(entriesOf(log.size, size - log.size)).catch(() => {})
      await log.settle().catch(() => log.settle())
      if (log.size < size) await log.append(entriesOf(log.size, size - log.size))
    }
    const left = await readTree(new DirectoryStore('/log', disk.after('synced')))
    assert.equal(left.length, log.size, `after a failure at step ${failAt}`)
  }
})

/** Where to stop: the steps at which some operation begins or ends, and a sample of those between. */
async function stopsOf(before: FaultDisk): Promise<number[]> {
  const edges = new Set<number>()
  class Noting extends FaultDisk {
    override writeSynced(path: string, bytes: Uint8Array) {
      for (const each of [0, 1, bytes.length >> 1, bytes.length - 1, bytes.length]) edges.add(this.steps + each)
      for (let each = 53; each < bytes.length; each += 531) edges.add(this.steps + each)
      return super.writeSynced(path, bytes)
    }
    override rename(from: string, to: string) {
      edges.add(this.steps)
      return super.rename(from, to)
    }
    override syncFolder(path: string) {
      edges.add(this.steps)
      return super.syncFolder(path)
    }
    override removeFolder(path: string) {
      edges.add(this.steps)
      return super.removeFolder(path)
    }
  }
  const noting = new Noting(undefined, before.state)
  await appendRest((await openOn(noting)).log, () => {})
  return [...edges].toSorted((a, b) => a - b)
}

/** A store that stops before or after one of its operations; of several files some may be written. */
class CuttingStore implements Store {
  readonly place = 'a store that stops'
  steps = 0
  readonly #store: Store
  readonly #stopAt: number

  constructor(store: Store, stopAt: number) {
    this.#store = store
    this.#stopAt = stopAt
  }

  read = (path: string) => this.#store.read(path)
  readPart = (path: string, offset: number, length: number) => this.#store.readPart(path, offset, length)
  readVersion = (path: string) => this.#store.readVersion(path)
  list = (folder: string) => this.#store.list(folder)
  claim = () => this.#store.claim()
  close = () => this.#store.close()
  removeFolder = (path: string) => this.#cut(() => this.#store.removeFolder(path))
  swap = (path: string, bytes: Uint8Array, version: string | undefined) =>
    this.#cut(() => this.#store.swap(path, bytes, version))

  async write(files: readonly StoreFile[]): Promise<void> {
    for (const file of files) await this.#cut(() => this.#store.write([file]))
  }

  async #cut<T>(work: () => Promise<T>): Promise<T> {
    if (this.steps++ >= this.#stopAt) throw new Crash()
    const result = await work()
    // Done, and nobody was told.
    if (this.steps++ >= this.#stopAt) throw new Crash()
    return result
  }
}

testStores('I12: stopped before or after any request, a log goes on without a gap or a duplicate', async (_t, open) => {
  const few = [2, 255, 256, 258]
  const rest = async (log: TreeLog) => {
    for (const size of few) if (size > log.size) await log.append(entriesOf(log.size, size - log.size))
  }
  let done = false
  for (let stopAt = 0; !done; stopAt += 1) {
    const folder = `cut${stopAt}/`
    const cut = new CuttingStore(open(), stopAt)
    try {
      const log = await openLog(cut, { folder })
      await rest(log)
      done = true
    } catch (error) {
      assert.ok(error instanceof Crash, String(error))
    }
    await cut.close()
    const store = open()
    const kept = async () => (await store.list(`${folder}checkpoints`)).map(Number)
    const published = (await store.read(`${folder}checkpoint`))?.toString()
    // Else a reader would take it for a log that was set back.
    assert.ok(Math.max(0, ...(await kept())) <= (published === undefined ? 0 : readCheckpoint(published).size))
    const log = await openLog(store, { folder })
    assert.deepEqual(await kept(), log.size === 0 ? [] : log.size < 256 ? [2] : [2, 256], `stopped at ${stopAt}`)
    await rest(log)
    assert.deepEqual(await readTree(store, [signer.key], folder), all.slice(0, 258))
    await store.close()
  }
})

testStores('I12: after a failed request the same log finds out what was stored, and goes on', async (_t, open) => {
  const base = open()
  let failAt = Number.POSITIVE_INFINITY
  let steps = 0
  const failing = Object.assign(Object.create(base) as Store, {
    swap: async (...what: Parameters<Store['swap']>) => {
      const [before, after] = [steps++, steps++]
      if (before === failAt) throw new Error('no space left')
      const version = await base.swap(...what)
      if (after === failAt) throw new Error('the answer was lost')
      return version
    },
    ...{ read: base.read.bind(base), readVersion: base.readVersion.bind(base), write: base.write.bind(base) },
    ...{ list: base.list.bind(base), removeFolder: base.removeFolder.bind(base), claim: base.claim.bind(base) },
  })
  const log = await openLog(failing)
  await log.append(entriesOf(0, 3))
  for (let turn = 0; turn < 4; turn++) {
    const { size } = log
    failAt = steps + turn
    await assert.rejects(log.append(entriesOf(size, 2)), /no space left|answer was lost/)
    failAt = Number.POSITIVE_INFINITY
    await log.settle()
    assert.ok([size, size + 2].includes(log.size))
    if (log.size === size) await log.append(entriesOf(size, 2))
  }
  assert.deepEqual(await readTree(base), entriesOf(0, 11).map(String))
  await base.close()
})

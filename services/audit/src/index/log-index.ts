import { setImmediate } from 'node:timers/promises'
import { CountersignError, type IndexStatus, type SealedRecord } from '@countersign/contracts'
import { LogBroken, tileWidth } from '@countersign/tlog'
import type { Log } from '../log/log.ts'
import { beginAnew, type Cursor, readCursors } from './cursors.ts'
import type { IndexDatabase } from './index-database.ts'
import { type Erased, rereadCalls } from './reread-calls.ts'
import { type IndexRow, rowOf } from './row-of.ts'
import { type Database, prepareSchema } from './schema.ts'
import { forgetRetired, sweep } from './sweep.ts'
import { writeRows } from './write-rows.ts'

export interface LogIndexOptions {
  log: Pick<Log, 'tree' | 'tenants'>
  kind: IndexStatus['kind']
  /** Opens the database; the signal ends what it is doing. */
  open: (signal: AbortSignal) => Promise<IndexDatabase>
  /** Reads an entry of the log. */
  read: (text: string) => SealedRecord
  /** Told when the index cannot follow, and when it can again (undefined). */
  onProblem: (error: unknown) => void
}

/** What a query works with: the log as it is indexed at least. */
export interface IndexedLog extends Cursor {
  database: Database
  /** Records in the log when it was asked. */
  size: number
}

/** Records a transaction: what the event loop and the database are busy with at once. */
const batchSize = 1000
/** Records behind up to which it takes its time. */
const slowlyUpTo = 4 * batchSize
/** Nobody waits: gathering saves transactions, and most calls end before their row is written. A query that waits is served at once. */
const lingerMs = 1000
/** How long a query waits for records that were sealed before it came. */
const reachMs = 3000
/** How long it waits for an index that is not open yet. */
const openMs = 4000
/** How long a step may go on when it is to stop. */
const stopMs = 2000
const retryMs = [250, 1000, 5000]
/** Rows after which statistics are made and room is given back, when it is idle and in any case. */
const maintainIdle = 10_000
const maintainAlways = 150_000

/**
 * The index of the log: follows it from a cursor a tenant, in a loop of its own. It reads what is sealed from the log itself, so it holds
 * nobody up, and whatever happens to it, it goes on from its cursor or begins anew.
 */
export class LogIndex {
  readonly #options: LogIndexOptions
  #database: IndexDatabase | undefined
  #cursors = new Map<string, Cursor>()
  #problem: string | undefined
  #stopped = false
  readonly #ending = new AbortController()
  #loop: Promise<void> | undefined
  /** Resolved with each step of the loop. */
  #step = Promise.withResolvers<void>()
  /** Resolved when there is something to do, and when there is something to do at once. */
  #news = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()
  #urgent = 0
  #unmaintained = 0
  /** What is done between two steps, so that nothing else writes meanwhile. */
  readonly #errands: (() => Promise<void>)[] = []

  constructor(options: LogIndexOptions) {
    this.#options = options
  }

  start(): void {
    this.#loop = this.#follow()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake.resolve()
    if (!this.#loop) return
    // Opening it or a large statement may take longer; what is committed then is all that counts.
    if (!(await settledWithin(this.#loop, stopMs))) {
      this.#ending.abort()
      await settledWithin(this.#loop, stopMs)
    }
    const database = this.#database
    this.#database = undefined
    await this.#refuseErrands()
    if (database) await settledWithin(database.close().catch(this.#options.onProblem), stopMs)
    this.#ending.abort()
  }

  /** Says that the log has grown. */
  notify(): void {
    this.#news.resolve()
    if (this.behind >= batchSize) this.#wake.resolve()
  }

  status(tenant: string): IndexStatus {
    const { log, kind } = this.#options
    const indexed = this.#cursors.get(tenant)?.indexed ?? 0
    return { kind, size: log.tree(tenant).size, indexed, problem: this.#problem ?? null }
  }

  /**
   * The index of a tenant's log, once it has everything that is sealed now; after a moment it is given as far as it is.
   *
   * @throws CountersignError `service_unavailable` while there is no index that answers
   */
  async reach(tenant: string): Promise<IndexedLog> {
    const { size } = this.#options.log.tree(tenant)
    const reached = () => this.#database !== undefined && (this.#cursors.get(tenant)?.indexed ?? 0) >= size
    const deadline = Date.now() + (this.#database ? reachMs : openMs)
    this.#urgent += 1
    try {
      while (!reached() && this.#problem === undefined && !this.#stopped) {
        const leftMs = deadline - Date.now()
        if (leftMs <= 0) break
        this.#wake.resolve()
        await settledWithin(this.#step.promise, leftMs)
      }
    } finally {
      this.#urgent -= 1
    }
    const database = this.#database
    if (database?.lost) this.#wake.resolve()
    if (!database || database.lost) throw this.#unavailable()
    const cursor = this.#cursors.get(tenant) ?? { log: 0, indexed: 0 }
    return { ...cursor, database: database.reader, size }
  }

  /** Forgets what is indexed of a tenant's log and begins anew. */
  rebuild(tenant: string): Promise<void> {
    return this.#errand(async ({ writer }) => {
      this.#cursors.set(tenant, await beginAnew(writer, tenant))
    })
  }

  /**
   * Forgets what the index holds of content that was erased, unless it can still be read from the log: when a key was erased, no search finds
   * what it opened. Calls and records stay findable by the rest. It goes over the calls once, some at a time: records are indexed in between.
   */
  async forget(tenant: string, erased: Erased): Promise<void> {
    const { log, read } = this.#options
    let after: string | undefined
    do {
      after = await this.#errand(async ({ writer }) => {
        const cursor = this.#cursors.get(tenant)
        return cursor && rereadCalls(writer, { log: cursor.log, tree: log.tree(tenant), read }, erased, after)
      })
    } while (after !== undefined)
  }

  /**
   * Takes what was forgotten out of the files too, with what is left of logs that were indexed anew; all tables with content are written
   * anew, so it is done for many at once.
   */
  forgetDeleted(): Promise<void> {
    return this.#errand(async (database) => {
      await forgetRetired(database.writer)
      await database.forgetDeleted()
    })
  }

  #errand<T>(work: (database: IndexDatabase) => Promise<T>): Promise<T> {
    if (!this.#database || this.#stopped) return Promise.reject(this.#unavailable())
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#errands.push(async () => {
      if (!this.#database) return reject(this.#unavailable())
      try {
        resolve(await work(this.#database))
      } catch (error) {
        reject(error)
      }
    })
    this.#wake.resolve()
    return promise
  }

  /** Nobody waits for an index that may be gone for long: who gave an errand gives it again. */
  async #refuseErrands(): Promise<void> {
    for (const errand of this.#errands.splice(0)) await errand()
  }

  #unavailable(): CountersignError {
    const why = this.#problem ?? 'it is not open yet'
    return new CountersignError(
      'service_unavailable',
      `the index of the audit log does not answer (${why}); the log itself goes on. Ask again later`,
    )
  }

  /** Records that are sealed and not indexed, of all tenants. */
  get behind(): number {
    const { log } = this.#options
    return log.tenants.reduce((sum, tenant) => sum + log.tree(tenant).size - this.#indexedOf(tenant), 0)
  }

  #indexedOf(tenant: string): number {
    return this.#cursors.get(tenant)?.indexed ?? 0
  }

  async #follow(): Promise<void> {
    for (let failures = 0; !this.#stopped;) {
      try {
        if (this.#database?.lost) await this.#giveUp()
        const database = (this.#database ??= await this.#open())
        await this.#errands.shift()?.()
        const advanced = await this.#advance(database)
        if (this.#problem !== undefined) this.#options.onProblem(undefined)
        failures = 0
        this.#problem = undefined
        this.#stepped()
        if (!advanced && this.#errands.length === 0) await this.#idle(database)
      } catch (error) {
        if (this.#stopped) return
        this.#problem = (error as Error).message
        this.#options.onProblem(error)
        await this.#giveUp(error)
        this.#stepped()
        await this.#pause(retryMs[Math.min(failures++, retryMs.length - 1)]!)
      }
    }
  }

  async #open(): Promise<IndexDatabase> {
    const database = await this.#options.open(this.#ending.signal)
    try {
      await prepareSchema(database.writer)
      this.#cursors = await readCursors(database.writer, this.#options.log)
      return database
    } catch (error) {
      await discardIfDamaged(database, error)
      throw error
    }
  }

  /** After a failure it is not known what was committed: it is opened again, which tells. */
  async #giveUp(error?: unknown): Promise<void> {
    const database = this.#database
    this.#database = undefined
    await this.#refuseErrands()
    if (database) await discardIfDamaged(database, error)
  }

  /** Writes the next part of each log; resolves to whether there was any. */
  async #advance({ writer }: IndexDatabase): Promise<boolean> {
    const { log, read } = this.#options
    let advanced = false
    for (const tenant of log.tenants) {
      const tree = log.tree(tenant)
      const known = this.#cursors.get(tenant)
      if ((known?.indexed ?? 0) >= tree.size) continue
      const cursor = known ?? (await beginAnew(writer, tenant))
      const from = cursor.indexed
      const begunMs = performance.now()
      // Calls share the processor with this: what nobody waits for, and is soon done, is done with pauses.
      const slowly = this.#urgent === 0 && tree.size - from <= slowlyUpTo
      const to = Math.min(from + (slowly ? tileWidth : batchSize), tree.size)
      const rows: IndexRow[] = []
      let leafHash = ''
      // A bundle at a time: what was parsed of it is garbage before the next one is, and nothing else waits for long.
      for (let index = from; index < to; index = from + rows.length) {
        const entries = await tree.read(index, Math.min(to - index, tileWidth - (index % tileWidth)))
        if (entries.length === 0) throw new LogBroken(`the log of ${tenant} has no entry ${index}`)
        for (const { text, place } of entries) {
          const record = read(text)
          rows.push(rowOf(record, place))
          ;({ leafHash } = record)
        }
        await setImmediate()
      }
      await writeRows(writer, { log: cursor.log, from, to, leafHash }, rows)
      this.#cursors.set(tenant, { ...cursor, indexed: to })
      this.#unmaintained += rows.length
      this.#stepped()
      advanced = true
      if (this.#stopped) break
      if (slowly) await this.#pause(performance.now() - begunMs)
    }
    if (this.#unmaintained >= maintainAlways) await this.#maintain()
    return advanced
  }

  async #idle(database: IndexDatabase): Promise<void> {
    if (this.#urgent === 0 && (await sweep(database.writer))) return
    if (this.#urgent === 0 && this.#unmaintained >= maintainIdle) return this.#maintain()
    if (this.behind === 0) await Promise.race([this.#news.promise, this.#wake.promise])
    this.#news = Promise.withResolvers()
    await this.#pause(lingerMs)
  }

  async #maintain(): Promise<void> {
    await this.#database?.maintain()
    this.#unmaintained = 0
  }

  #stepped(): void {
    this.#step.resolve()
    this.#step = Promise.withResolvers()
  }

  /** Waits, or until something is to be done at once. */
  async #pause(ms: number): Promise<void> {
    if (!this.#stopped) await settledWithin(this.#wake.promise, ms)
    this.#wake = Promise.withResolvers()
  }
}

/** Resolves to whether it settled in time. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ms, false)))
  try {
    return await Promise.race([work.then(() => true), passed])
  } finally {
    clearTimeout(timer)
  }
}

/** Class XX is what Postgres says of files that are not as they should be. */
async function discardIfDamaged(database: IndexDatabase, error: unknown): Promise<void> {
  const { code } = (error ?? {}) as { code?: unknown }
  const damaged = typeof code === 'string' && code.startsWith('XX')
  await (damaged ? database.discard() : database.close()).catch(() => {})
}

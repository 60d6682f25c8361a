import { setTimeout as sleep } from 'node:timers/promises'
import { type AuditExport, matchTarget } from '@countersign/contracts'
import type { Log, LogEntry } from '../log/log.ts'
import { type Backoff, waitAfter } from './backoff.ts'
import { type BatchLimits, cutBatch, limitsOf, matcherOf } from './cut-batch.ts'
import { type Driver, Refused } from './driver.ts'
import { type Cursor, deadOf, type ExportState } from './export-state.ts'
import type { ExportedRecord } from './open-entry.ts'
import type { Pace } from './pace.ts'

/** What a runner works with. */
export interface RunnerOptions {
  document: AuditExport
  driver: Driver
  log: Pick<Log, 'tenants' | 'tree'>
  state: ExportState
  open: (entry: LogEntry) => ExportedRecord
  /** One for all exports. */
  pace: Pace
  backoff: Backoff
  /** With so many it stops, and nothing is lost. */
  maxDeadLetters: number
  now: () => number
  random: () => number
  /** Told when the target begins to fail and when it answers again, in words without content of records. */
  onChange: (problem: string | undefined) => void
  /** Told how many records were sent or set aside, and of each failed try. */
  onCount: (what: 'sent' | 'dead' | 'failed', count: number) => void
}

/** How long a runner sleeps that nobody wakes. */
const idleMs = 5000
const sendTimeoutMs = 30_000
/** Stands in place of a tenant, which cannot have this name, when an export has found where it begins. */
const begun = '_begun'

/**
 * Sends what one export matches, in the order of each tenant's log, one batch at a time. It reads the log itself, so it can be as
 * far behind as it likes, and nobody waits for it.
 */
export class ExportRunner {
  readonly #options: RunnerOptions
  readonly #limits: BatchLimits
  readonly #matches: (record: ExportedRecord) => boolean
  readonly #covers: (tenant: string) => boolean
  readonly #stopping = new AbortController()
  /** Tenants whose dead letters are to be sent again, and those whose cursors moved and were not kept yet. */
  readonly #again = new Set<string>()
  readonly #moved = new Set<string>()
  #wake = Promise.withResolvers<void>()
  #running: Promise<void> = Promise.resolve()
  /** When the first record stored that was not sent yet, by tenant. */
  readonly #oldest = new Map<string, number>()
  #problem: string | undefined
  /** By tenant: how many records were sent, and when the last of them. */
  readonly #sent = new Map<string, { sent: number; lastSentAt: string }>()
  #failed = 0

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#limits = limitsOf(options.document.spec)
    this.#matches = matcherOf(options.document.spec)
    this.#covers = matchTarget(options.document.spec.match.tenants)
  }

  get name(): string {
    return this.#options.document.metadata.name
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.wake()
    await this.#running
    this.#options.driver.close()
  }

  /** Told that there may be something to do. */
  wake(): void {
    this.#wake.resolve()
  }

  /** Sends what was set aside of a tenant again. @returns how many dead letters that are */
  retry(tenant: string): number {
    const { size } = deadOf(this.#memory, tenant)
    if (size > 0) this.#again.add(tenant)
    this.wake()
    return size
  }

  /** Forgets what was set aside of a tenant; it stays in the log. @returns how many dead letters that were */
  async discard(tenant: string): Promise<number> {
    const firsts = [...deadOf(this.#memory, tenant).keys()]
    for (const first of firsts) await this.#options.state.removeDead(this.name, tenant, first)
    this.wake()
    return firsts.length
  }

  /** How it stands with a tenant; undefined for one whose records it does not send. */
  view(tenant: string) {
    if (!this.#covers(tenant)) return undefined
    const { log, now, document } = this.#options
    const next = this.#cursor(tenant).next
    const lag = Math.max(0, log.tree(tenant).size - next)
    const oldest = this.#oldest.get(tenant)
    const letters = [...deadOf(this.#memory, tenant).values()]
    const problem = this.#blocked(tenant) ?? this.#problem
    return {
      name: this.name,
      type: document.spec.to.type,
      state: this.#stateOf(tenant, lag),
      next,
      lagRecords: lag,
      lagSeconds: lag === 0 || oldest === undefined ? 0 : Math.max(0, Math.round((now() - oldest) / 1000)),
      ...{ sent: 0, ...this.#sent.get(tenant), failed: this.#failed },
      dead: letters.length,
      deadLetters: letters.slice(0, 20),
      ...(problem === undefined ? {} : { problem }),
    }
  }

  /** Records not sent yet and dead letters, of all tenants. */
  get totals(): { lagRecords: number; lagSeconds: number; dead: number } {
    const views = this.#tenants().flatMap((tenant) => this.view(tenant) ?? [])
    return {
      lagRecords: views.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      lagSeconds: Math.max(0, ...views.map(({ lagSeconds }) => lagSeconds)),
      dead: this.#deadCount,
    }
  }

  #stateOf(tenant: string, lag: number): 'waiting' | 'sending' | 'failing' | 'blocked' {
    if (this.#blocked(tenant) !== undefined) return 'blocked'
    if (this.#problem !== undefined) return 'failing'
    return lag === 0 ? 'waiting' : 'sending'
  }

  get #memory() {
    return this.#options.state.of(this.name)
  }

  get #deadCount(): number {
    return this.#memory.dead.values().reduce((sum, letters) => sum + letters.size, 0)
  }

  #tenants(): string[] {
    return this.#options.log.tenants.filter(this.#covers)
  }

  /** Why nothing more of a tenant is sent until somebody does something. */
  #blocked(tenant: string): string | undefined {
    const { maxDeadLetters } = this.#options
    if (this.#deadCount >= maxDeadLetters) {
      return `${maxDeadLetters} dead letters are kept and no more: retry or discard them, then it goes on`
    }
    const [{ next }, { size }] = [this.#cursor(tenant), this.#options.log.tree(tenant)]
    if (next <= size) return undefined
    return `the log ends at ${size}, but records up to ${next} were sent: it was set back. Give the export another name to begin anew`
  }

  #cursor(tenant: string): Cursor {
    return this.#memory.cursors.get(tenant) ?? { next: 0 }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    let placed = false
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers()
      let waitMs = idleMs
      try {
        if (!placed) await this.#begin()
        placed = true
        for (const tenant of this.#tenants()) {
          if (signal.aborted) return
          if (this.#again.delete(tenant)) await this.#sendAgain(tenant)
          waitMs = Math.min(waitMs, await this.#advance(tenant))
        }
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        this.#failed += 1
        this.#options.onCount('failed', 1)
        this.#settle((error as Error).message)
        const pause = waitAfter(error, failures, this.#options.backoff, this.#options.random())
        await sleep(pause, undefined, { signal }).catch(() => {})
        continue
      }
      if (waitMs === 0) continue
      const woken = new AbortController()
      await Promise.race([this.#wake.promise, sleep(waitMs, undefined, { signal: woken.signal }).catch(() => {})])
      woken.abort()
    }
  }

  /** A new export that wants only what is new begins at the end; what it says of that is kept. */
  async #begin(): Promise<void> {
    const { document, log, state } = this.#options
    if (document.spec.from !== 'now' || this.#memory.cursors.has(begun)) return
    for (const tenant of this.#tenants()) {
      await state.keepCursor(this.name, tenant, { next: log.tree(tenant).size })
    }
    await state.keepCursor(this.name, begun, { next: 0 })
  }

  /** Sends the next batch of a tenant. @returns how long nothing is to be done, 0 when there may be more */
  async #advance(tenant: string): Promise<number> {
    const { log, state } = this.#options
    const tree = log.tree(tenant)
    const { next, sending } = this.#cursor(tenant)
    if (this.#blocked(tenant) !== undefined) return idleMs
    if (tree.size === next) {
      if (this.#moved.has(tenant)) await state.keepCursor(this.name, tenant, { next })
      this.#moved.delete(tenant)
      this.#oldest.delete(tenant)
      return idleMs
    }
    const gathering = sending === undefined ? await this.#gatheringMs(tenant, next, tree.size - next) : 0
    if (gathering > 0) return gathering
    const { open, driver, pace } = this.#options
    const reading = { open, matches: this.#matches, ...(driver.partitionOf ? { partitionOf: driver.partitionOf } : {}) }
    const cut = await pace.take(() => cutBatch(tree, next, sending, this.#limits, reading), this.#stopping.signal)
    if (!cut) return idleMs
    this.#oldest.set(tenant, cut.oldest)
    if (cut.records.length > 0) {
      if (sending !== cut.last) await state.keepCursor(this.name, tenant, { next, sending: cut.last })
      await this.#send(tenant, cut.records)
    }
    // Only now: what was not acknowledged is sent again. It is kept with the next batch, or when there is none.
    state.moveCursor(this.name, tenant, { next: cut.last + 1 })
    this.#moved.add(tenant)
    if (tree.size === cut.last + 1) this.#oldest.delete(tenant)
    return 0
  }

  async #gatheringMs(tenant: string, next: number, waiting: number): Promise<number> {
    const { records, afterMs } = this.#limits
    if (afterMs === 0 || waiting >= records) return 0
    const oldest = this.#oldest.get(tenant) ?? (await this.#storedAt(tenant, next))
    this.#oldest.set(tenant, oldest)
    return Math.max(0, Math.min(idleMs, oldest + afterMs - this.#options.now()))
  }

  async #storedAt(tenant: string, index: number): Promise<number> {
    const [entry] = await this.#options.log.tree(tenant).read(index, 1)
    return entry ? Date.parse(this.#options.open(entry).sealed.record.storedAt) : this.#options.now()
  }

  /** Sends records; those that are refused for good are found by halving, and set aside. */
  async #send(tenant: string, records: readonly ExportedRecord[]): Promise<void> {
    const [first, last] = [records[0]!, records.at(-1)!]
    const batch = { id: `${tenant}_${first.index}_${last.index}_${records.length}`, tenant, records }
    try {
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(sendTimeoutMs)])
      const answer = await this.#options.driver.send(batch, signal)
      if (answer) await this.#setAside(tenant, records, this.#reasonOf(answer.onlyPart, answer))
      else this.#countSent(tenant, records.length)
      this.#settle(undefined)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#settle(undefined)
      if (records.length === 1) return this.#setAside(tenant, records, this.#reasonOf(error.message, error))
      const half = Math.ceil(records.length / 2)
      await this.#send(tenant, records.slice(0, half))
      await this.#send(tenant, records.slice(half))
    }
  }

  /** What a target says that gets content opened may repeat content, and is not kept: it would outlive an erasure. */
  #reasonOf(said: string, { answer }: { answer: string }): string {
    return answer === '' || this.#options.document.spec.personal === 'open' ? said : `${said}: ${answer}`
  }

  async #setAside(tenant: string, records: readonly ExportedRecord[], reason: string): Promise<void> {
    const at = new Date(this.#options.now()).toISOString()
    const [first, last] = [records[0]!.index, records.at(-1)!.index]
    await this.#options.state.addDead(this.name, tenant, { first, last, reason: reason.slice(0, 500), at })
    this.#options.onCount('dead', records.length)
  }

  async #sendAgain(tenant: string): Promise<void> {
    const { state, log, open } = this.#options
    const letters = deadOf(this.#memory, tenant)
    try {
      for (const letter of [...letters.values()]) {
        const { first, last } = letter
        const cut = await cutBatch(log.tree(tenant), first, last, this.#limits, { open, matches: this.#matches })
        if (cut && cut.records.length > 0) await this.#send(tenant, cut.records)
        // What is refused again has another letter in its place.
        if (letters.get(first) === letter) await state.removeDead(this.name, tenant, first)
      }
    } catch (error) {
      this.#again.add(tenant)
      throw error
    }
  }

  #countSent(tenant: string, count: number): void {
    const before = this.#sent.get(tenant)?.sent ?? 0
    this.#sent.set(tenant, { sent: before + count, lastSentAt: new Date(this.#options.now()).toISOString() })
    this.#options.onCount('sent', count)
  }

  #settle(problem: string | undefined): void {
    if (problem !== this.#problem) this.#options.onChange(problem)
    this.#problem = problem
  }
}

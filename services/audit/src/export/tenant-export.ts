import { setTimeout as sleep } from 'node:timers/promises'
import { type AuditExport, type ExportView, sha256 } from '@countersign/contracts'
import type { Log, LogEntry, TenantLog } from '../log/log.ts'
import { type Backoff, waitAfter } from './backoff.ts'
import { type Cut, cutBatch, limitsOf, matcherOf } from './cut-batch.ts'
import { DeadLetters, NoRoom } from './dead-letters.ts'
import { type Driver, Gone, type OnlyPart, Refused } from './driver.ts'
import type { Cursor, DeadLetter, ExportState } from './export-state.ts'
import type { ExportedRecord } from './open-entry.ts'
import type { Pace } from './pace.ts'
import type { Slots } from './slots.ts'
import { failing, gone, instant, setBack, tooManyLetters, type Trouble } from './trouble.ts'

/** What the tenants of an export share. */
export interface ExportOptions {
  document: AuditExport
  driver: Driver
  log: Pick<Log, 'tenants' | 'tree'>
  state: ExportState
  open: (entry: LogEntry) => ExportedRecord
  /** One for all exports. */
  pace: Pace
  backoff: Backoff
  /** With so many of a tenant it stops for this tenant, and nothing is lost. */
  maxDeadLetters: number
  now: () => number
  random: () => number
  /** Told when it begins to fail or stops for a tenant, and when it goes on, in words without content of records. */
  onChange: (tenant: string, trouble: Trouble | undefined) => void
  /** Told how many records were sent or set aside, and of each failed try. */
  onCount: (what: 'sent' | 'dead' | 'failed', count: number) => void
}

/** What a target said of records: undefined when it has them all. */
type Verdict = OnlyPart | Refused | undefined

/** What becomes of records that are sent. */
interface Outcome {
  sent: (records: readonly ExportedRecord[]) => void
  refused: (records: readonly ExportedRecord[], reason: string) => Promise<void>
}

const sendTimeoutMs = 30_000
/** What is large is given more time: this much of it a millisecond is slow. */
const slowestBytesPerMs = 256
/** How long a record that waits for others is not looked at again. */
const longestGatheringMs = 5000

/**
 * Sends the records of one tenant that an export matches, in the order of its log, one batch at a time. It reads the log itself, so it
 * can be as far behind as it likes, and nobody waits for it. Cursor, backoff, dead letters and what is wrong are of this tenant alone.
 */
export class TenantExport {
  readonly #tenant: string
  readonly #options: ExportOptions
  readonly #slots: Slots
  readonly #signal: AbortSignal
  readonly #limits: ReturnType<typeof limitsOf>
  readonly #matches: (record: ExportedRecord) => boolean
  readonly #dead: DeadLetters
  /** Dead letters are to be sent again; the cursor moved and was not kept yet. */
  #again = false
  #moved = false
  #wake = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  /** Entries to read at first: about as many as a batch had that others did not fit into. */
  #step = Infinity
  /** When the first record was stored that was not sent yet. */
  #oldest: number | undefined
  #trouble: Trouble | undefined
  /** The target said that it wants nothing any more. */
  #gone: Trouble | undefined
  #sent = 0
  #lastSentAt: string | undefined
  #failed = 0

  /** @param slots of the export's target @param signal ends it */
  constructor(tenant: string, options: ExportOptions, slots: Slots, signal: AbortSignal) {
    this.#tenant = tenant
    this.#options = options
    this.#slots = slots
    this.#signal = signal
    this.#limits = limitsOf(options.document.spec)
    this.#matches = matcherOf(options.document.spec)
    this.#dead = new DeadLetters(options.state, this.#name, tenant, options.maxDeadLetters)
  }

  /** Begins to send, if it did not yet. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves when nothing is done any more, after the signal said so. */
  async ended(): Promise<void> {
    this.#wake.resolve()
    await this.#running
  }

  /** Told that records may have been sealed. */
  wake(): void {
    if (this.#tree.size !== this.#cursor.next) this.#wake.resolve()
  }

  /** What was set aside. */
  get letters(): DeadLetter[] {
    return this.#dead.all
  }

  /** Sends what was set aside again. */
  retry(): void {
    this.#again = true
    this.#wake.resolve()
  }

  /** Forgets letters, and what a retry that is under way puts in their place; what they name stays in the log. */
  async discard(letters: readonly DeadLetter[]): Promise<void> {
    await this.#dead.discard(letters)
    this.#wake.resolve()
  }

  /** How it stands. */
  view(): ExportView {
    const { now, document } = this.#options
    const { next } = this.#cursor
    const lag = Math.max(0, this.#tree.size - next)
    const { letters, trouble } = this
    return {
      name: this.#name,
      type: document.spec.to.type,
      state: trouble?.state ?? (lag === 0 ? 'waiting' : 'sending'),
      next,
      lagRecords: lag,
      lagSeconds: lag === 0 || this.#oldest === undefined ? 0 : Math.max(0, Math.round((now() - this.#oldest) / 1000)),
      ...{ sent: this.#sent, failed: this.#failed },
      ...(this.#lastSentAt === undefined ? {} : { lastSentAt: this.#lastSentAt }),
      dead: letters.length,
      deadLetters: letters.slice(0, 20),
      ...(trouble ? { problem: trouble.problem, remedy: trouble.remedy, since: instant(trouble.since) } : {}),
    }
  }

  /** Why nothing gets on; undefined while it does. */
  get trouble(): Trouble | undefined {
    return this.#blocked ?? this.#trouble
  }

  /** Why nothing more is sent until somebody does something. */
  get #blocked(): Trouble | undefined {
    if (this.#gone) return this.#gone
    if (this.#dead.full) return tooManyLetters(this.#name, this.#tenant, this.letters)
    const [{ next }, { size }] = [this.#cursor, this.#tree]
    return next <= size ? undefined : setBack(size, next, this.#trouble?.since ?? this.#options.now())
  }

  /** Looked up each time: before its first record a tenant has none. */
  get #tree(): TenantLog {
    return this.#options.log.tree(this.#tenant)
  }

  get #name(): string {
    return this.#options.document.metadata.name
  }

  get #cursor(): Cursor {
    return this.#options.state.of(this.#name).cursors.get(this.#tenant) ?? { next: 0 }
  }

  async #run(): Promise<void> {
    const { backoff, random, onCount } = this.#options
    let failures = 0
    while (!this.#signal.aborted) {
      this.#wake = Promise.withResolvers()
      try {
        const waitMs = await this.#advance()
        failures = 0
        this.#tell(this.#blocked)
        if (waitMs !== 0) await this.#woken(waitMs)
      } catch (error) {
        if (this.#signal.aborted) return
        failures += 1
        this.#failed += 1
        onCount('failed', 1)
        if (error instanceof Gone) this.#gone ??= gone(error, this.#options.now())
        this.#tell(this.#gone ?? failing(error, this.#options.now()))
        const pause = waitAfter(error, failures, backoff, random())
        await sleep(pause, undefined, { signal: this.#signal }).catch(() => {})
      }
    }
  }

  /** @param waitMs undefined for as long as it takes */
  async #woken(waitMs: number | undefined): Promise<void> {
    if (waitMs === undefined) return this.#wake.promise
    const woken = new AbortController()
    await Promise.race([this.#wake.promise, sleep(waitMs, undefined, { signal: woken.signal }).catch(() => {})])
    woken.abort()
  }

  /** Sends the next batch. @returns how long nothing is to be done: 0 when there may be more, undefined until it is woken */
  async #advance(): Promise<number | undefined> {
    if (this.#again) await this.#sendAgain()
    if (this.#blocked || this.#tree.size === this.#cursor.next) {
      if (this.#moved) await this.#keepCursor(this.#cursor)
      if (this.#tree.size === this.#cursor.next) this.#oldest = undefined
      return undefined
    }
    const gatheringMs = await this.#gatheringMs()
    if (gatheringMs > 0) return gatheringMs
    await this.#sendNext()
    return 0
  }

  async #gatheringMs(): Promise<number> {
    const { next, sending } = this.#cursor
    const { records, afterMs } = this.#limits
    if (sending !== undefined || afterMs === 0 || this.#tree.size - next >= records) return 0
    this.#oldest ??= await this.#storedAt(next)
    return Math.max(0, Math.min(longestGatheringMs, this.#oldest + afterMs - this.#options.now()))
  }

  async #storedAt(index: number): Promise<number> {
    const [entry] = await this.#tree.read(index, 1)
    return entry ? Date.parse(this.#options.open(entry).sealed.record.storedAt) : this.#options.now()
  }

  async #sendNext(): Promise<void> {
    const { driver, state } = this.#options
    const { next, sending } = this.#cursor
    const begun = await this.#begin(next, sending, driver.partitionOf, async ({ last, oldest, records }) => {
      this.#oldest = oldest
      const keep = records.length > 0 && (sending !== last || this.#moved)
      if (keep) await this.#keepCursor({ next, sending: last })
    })
    if (!begun) return
    const { cut, verdict } = begun
    // Only what is known to be there, or set aside, is passed: all else is sent again.
    let done = next
    const passed = (records: readonly ExportedRecord[]) => (done = records.at(-1)!.index + 1)
    try {
      await this.#settle(cut.records, verdict, {
        sent: passed,
        refused: async (records, reason) => {
          await this.#dead.add(this.#letterOf(records, reason))
          this.#options.onCount('dead', records.length)
          passed(records)
        },
      })
      done = cut.last + 1
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error
    } finally {
      if (done > next) {
        // Kept with the next batch, or when there is none.
        state.moveCursor(this.#name, this.#tenant, {
          next: done,
          ...(done > cut.last ? {} : { sending: cut.last }),
        })
        this.#moved = true
      }
    }
  }

  async #keepCursor(cursor: Cursor): Promise<void> {
    await this.#options.state.keepCursor(this.#name, this.#tenant, cursor)
    this.#moved = false
  }

  /**
   * Reads a batch and tries to send it, in one slot: what waits for its turn has read nothing yet.
   *
   * @param through the last index of a batch that was begun before
   * @param beforeSend told what is read
   * @returns undefined when the log does not have it
   */
  async #begin(
    from: number,
    through: number | undefined,
    partitionOf: Driver['partitionOf'],
    beforeSend: (cut: Cut) => Promise<void> = async () => {},
  ): Promise<{ cut: Cut; verdict: Verdict } | undefined> {
    const { open, pace } = this.#options
    const reading = { open, matches: this.#matches, step: this.#step, ...(partitionOf ? { partitionOf } : {}) }
    return this.#slots.take(async () => {
      const cut = await pace.take(() => cutBatch(this.#tree, from, through, this.#limits, reading), this.#signal)
      if (!cut) return undefined
      this.#step = cut.isHeavy ? cut.last - from + 1 : Infinity
      await beforeSend(cut)
      return { cut, verdict: cut.records.length === 0 ? undefined : await this.#deliver(cut.records) }
    })
  }

  /** Sends records once, from within a slot. @throws what may be tried again */
  async #deliver(records: readonly ExportedRecord[]): Promise<Verdict> {
    const [first, last] = [records[0]!, records.at(-1)!]
    const tenant = this.#tenant
    // Two exports, or one whose filter was changed, may send others between the same two.
    const which = sha256(records.map(({ index }) => index).join()).slice(-8)
    const batch = { id: `${this.#name}_${tenant}_${first.index}_${last.index}_${which}`, tenant, records }
    try {
      const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(timeToSend(records))])
      const verdict = await this.#options.driver.send(batch, signal)
      this.#gone = undefined
      return verdict
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      // Who refuses these is there, and may want others.
      this.#gone = undefined
      return error
    }
  }

  /** Does what follows from what a target said of records. Those that are refused for good are found by halving; each half waits for a slot of its own. */
  async #settle(records: readonly ExportedRecord[], verdict: Verdict, outcome: Outcome): Promise<void> {
    if (records.length === 0) return
    if (verdict === undefined) {
      this.#countSent(records.length)
      return outcome.sent(records)
    }
    if (!(verdict instanceof Refused)) return outcome.refused(records, this.#reasonOf(verdict.onlyPart, verdict))
    if (records.length === 1) return outcome.refused(records, this.#reasonOf(verdict.message, verdict))
    const middle = Math.ceil(records.length / 2)
    for (const half of [records.slice(0, middle), records.slice(middle)]) {
      await this.#settle(half, await this.#slots.take(() => this.#deliver(half)), outcome)
    }
  }

  /** What a target says that gets content opened may repeat content, and is not kept: it would outlive an erasure. */
  #reasonOf(said: string, { answer }: { answer: string }): string {
    return answer === '' || this.#options.document.spec.personal === 'open' ? said : `${said}: ${answer}`
  }

  #letterOf(records: readonly ExportedRecord[], reason: string): DeadLetter {
    const at = instant(this.#options.now())
    return { first: records[0]!.index, last: records.at(-1)!.index, reason: reason.slice(0, 500), at }
  }

  async #sendAgain(): Promise<void> {
    this.#again = false
    try {
      for (const letter of this.letters) {
        const refused: DeadLetter[] = []
        if (await this.#sendLetter(letter, refused)) await this.#dead.replace(letter, refused)
      }
    } catch (error) {
      // Who wants nothing any more is not asked for these time and again.
      this.#again = !(error instanceof Gone)
      throw error
    }
  }

  /** Sends what a letter names. @returns false when the log does not have it any more */
  async #sendLetter({ first, last }: DeadLetter, refused: DeadLetter[]): Promise<boolean> {
    const outcome: Outcome = {
      sent: () => {},
      refused: async (records, reason) => void refused.push(this.#letterOf(records, reason)),
    }
    for (let from = first; from <= last;) {
      const begun = await this.#begin(from, last, undefined)
      if (!begun) return false
      await this.#settle(begun.cut.records, begun.verdict, outcome)
      from = begun.cut.last + 1
    }
    return true
  }

  #countSent(count: number): void {
    this.#sent += count
    this.#lastSentAt = instant(this.#options.now())
    this.#options.onCount('sent', count)
  }

  #tell(trouble: Trouble | undefined): void {
    const before = this.#trouble
    // It has been so since it began, whatever was said of it in between.
    this.#trouble = trouble && before?.state === trouble.state ? { ...trouble, since: before.since } : trouble
    if (trouble?.problem !== before?.problem) this.#options.onChange(this.#tenant, trouble)
  }
}

/** How long a target may take over records, in ms. */
function timeToSend(records: readonly ExportedRecord[]): number {
  const length = records.reduce((sum, { text }) => sum + text.length, 0)
  return sendTimeoutMs + Math.ceil(length / slowestBytesPerMs)
}

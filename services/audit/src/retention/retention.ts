import type { Bus, Followed } from '@countersign/bus'
import { subjects } from '@countersign/contracts'
import type { Sealed } from '../log/log.ts'
import { calls } from '../record/record-source.ts'
import type { StreamEpoch } from '../record/stream-epoch.ts'
import { purgeDue, type RetentionTimes, timesAt } from './purge-due.ts'
import { CallTracker, type SealedEvent } from './track-calls.ts'

/** What retention works with. */
export interface RetentionOptions {
  bus: Pick<Bus, 'purge' | 'readStream' | 'newestOf'>
  epoch: StreamEpoch
  times: RetentionTimes
  everyMs: number
  now: () => number
  onPurged: (messages: number) => void
  onProblem: (error: unknown) => void
}

/** So long is read in one round of what was sealed before audit started: what is due goes in between, and calls share the processor with it. */
const readingMs = 500
const pageLimits = { maxMessages: 1000, maxBytes: 4 * 1024 * 1024 }

/** Keeps `CALLS` a working set: purges calls that are sealed and ended, after a grace period, which is shorter when there is little room. */
export class Retention {
  readonly #options: RetentionOptions
  #tracker = new CallTracker()
  /** Which stream the tracker is about. */
  #created: string | undefined
  /** Where reading goes on of what was sealed before this process started; undefined when all of it is known. */
  #next: number | undefined
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** Calls that have ended and are not purged yet. */
  get waiting(): number {
    const { plain, keyed, kept } = this.#tracker
    return plain.size + keyed.size + kept.size
  }

  /** Finds out which stream it is. What was sealed of it before is read in the rounds that follow. */
  async open(): Promise<void> {
    const { created, firstSeq } = await this.#options.epoch.read()
    this.#tracker = new CallTracker()
    this.#created = created
    this.#next = firstSeq
  }

  /** Takes note of sealed records. */
  sealed(sealed: readonly Sealed[]): void {
    const records = sealed.map(({ record }) => record)
    const created = records.at(-1)?.created
    if (created !== undefined && created !== this.#created) {
      // Made anew, and known from its beginning.
      this.#tracker = new CallTracker()
      this.#created = created
      this.#next = undefined
    }
    // Until all before them is known they are read with it.
    if (this.#next === undefined) this.#tracker.sealed(records, this.#options.now())
  }

  /** Purges what is due, once. @throws Error while the stream is not the one that was sealed */
  async purge(): Promise<void> {
    const { bus, epoch, times, now, onPurged } = this.#options
    const tracker = this.#tracker
    await this.#readOn(tracker)
    const { created, ...fill } = await epoch.read()
    // Sequences of one stream say nothing about another: purging by them would take events that are not sealed (I8).
    if (created !== this.#created || tracker !== this.#tracker) return
    const timesNow = timesAt(times, fill)
    const purged = await purgeDue({ bus, tracker, times: timesNow, nowMs: now(), signal: this.#stopping.signal })
    if (purged > 0) onPurged(purged)
  }

  /** Reads what was sealed before this process started, oldest first. What is known is always all up to some event, so it can be purged. */
  async #readOn(tracker: CallTracker): Promise<void> {
    const { bus, epoch, now } = this.#options
    const created = this.#created!
    const endMs = performance.now() + readingMs
    while (this.#next !== undefined && performance.now() < endMs && !this.#stopping.signal.aborted) {
      const next = this.#next
      const before = epoch.sealedThrough(created)
      const page = await bus.readStream('CALLS', next, pageLimits)
      // Another server may not have it yet; only what the leader has not either is gone.
      const gone = page.length === 0 && ((await bus.newestOf('CALLS', subjects.allCalls))?.seq ?? 0) < next
      if (tracker !== this.#tracker) return
      // From here on without waiting, or what is sealed meanwhile would be known to nobody.
      const sealedThrough = epoch.sealedThrough(created)
      const sealed = page.filter(({ seq }) => seq <= sealedThrough)
      tracker.sealed(sealed.map(eventOf), now())
      const through = gone ? before : (page.at(-1)?.seq ?? next - 1)
      this.#next = through < sealedThrough ? Math.max(next, through + 1) : undefined
    }
  }

  start(): void {
    // While there is something to read, calls come first half of the time, and no more: what is sealed meanwhile has to be read, too.
    const pauseMs = this.#next === undefined ? this.#options.everyMs : Math.min(readingMs, this.#options.everyMs)
    this.#timer = setTimeout(() => {
      this.#round = this.purge()
        .catch(this.#options.onProblem)
        .then(() => {
          if (!this.#stopping.signal.aborted) this.start()
        })
    }, pauseMs)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#round
  }
}

function eventOf({ subject, seq, storedAt }: Followed): SealedEvent {
  const address = calls.addressOf(subject) ?? { ...calls.unaddressed, event: '' }
  return { ...address, seq, storedAt: storedAt.toISOString() }
}

import type { Bus } from '@countersign/bus'
import { subjects } from '@countersign/contracts'
import type { Sealed } from '../log/log.ts'
import type { StreamEpoch } from '../record/stream-epoch.ts'
import { purgeDue, type RetentionTimes } from './purge-due.ts'
import { CallTracker, endingEvents } from './track-calls.ts'

/** What retention works with. */
export interface RetentionOptions {
  bus: Pick<Bus, 'purge' | 'streamInfo'>
  epoch: StreamEpoch
  times: RetentionTimes
  everyMs: number
  now: () => number
  onPurged: (messages: number) => void
  onProblem: (error: unknown) => void
}

/** Keeps `CALLS` a working set: purges calls that are sealed and ended, after a grace period. */
export class Retention {
  readonly #options: RetentionOptions
  #tracker = new CallTracker()
  /** Which stream the tracker is about. */
  #created: string | undefined
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

  get open(): number {
    return this.#tracker.openCalls
  }

  /** Learns from the stream which calls had ended before this process started. */
  async rebuild(): Promise<void> {
    const { bus, epoch, now } = this.#options
    const { created } = await epoch.read()
    const tracker = new CallTracker()
    tracker.sealedThrough = epoch.sealedThrough(created)
    for (const event of endingEvents) {
      const { subjects: found, lastSeq } = await bus.streamInfo('CALLS', subjects.callEvents(event))
      tracker.found(Object.keys(found), lastSeq, now())
    }
    this.#tracker = tracker
    this.#created = created
  }

  /** Takes note of sealed records. */
  sealed(sealed: readonly Sealed[]): void {
    const records = sealed.map(({ record }) => record)
    const created = records.at(-1)?.created
    if (created !== undefined && created !== this.#created) {
      this.#tracker = new CallTracker()
      this.#created = created
    }
    this.#tracker.sealed(records)
  }

  /** Purges what is due, once. */
  async purge(): Promise<void> {
    const { bus, times, now, onPurged } = this.#options
    const tracker = this.#tracker
    const { created, firstSeq } = await bus.streamInfo('CALLS')
    // Sequences of one stream say nothing about another: purging by them would take events that are not sealed (I8).
    if (created !== this.#created) return
    if (firstSeq > tracker.unknownThrough) tracker.unknownThrough = 0
    const purged = await purgeDue({ bus, tracker, times, nowMs: now(), signal: this.#stopping.signal })
    if (purged > 0) onPurged(purged)
  }

  start(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.purge()
        .catch(this.#options.onProblem)
        .then(() => {
          if (!this.#stopping.signal.aborted) this.start()
        })
    }, this.#options.everyMs)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#round
  }
}

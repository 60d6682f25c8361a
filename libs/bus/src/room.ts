import { type CallEventName, callEvents } from '@countersign/contracts'
import { storeFull } from './errors.ts'

/** How full a stream is. */
export interface Fill {
  bytes: number
  /** Below 0: without a budget. */
  maxBytes: number
}

/** What was read is good for this long while events are published. */
const freshMs = 250
/** Older than this it says nothing any more, and is waited for. */
const staleMs = 2000

/**
 * How full `CALLS` may be for an event to be stored. What begins a call leaves room for what goes on with it, and that for what
 * ends it: were all of the budget for everybody, open calls could fill it and never end, and what never ends is never purged (I5, I7).
 */
export function roomFor(name: CallEventName): number {
  const { follows, final } = callEvents[name]
  if (final) return 1
  return follows.length === 0 ? 0.4 : 0.6
}

/** Keeps count of the space in `CALLS`: what the server said last, and what was published here since. */
export class Room {
  readonly #readFill: () => Promise<Fill>
  readonly #now: () => number
  #fill: Fill | undefined
  #readAt = Number.NEGATIVE_INFINITY
  /** Of what was published since the server was asked; what was settled by then is in its answer. */
  #addedBytes = 0
  #settledBytes = 0
  #reading: Promise<void> | undefined

  constructor(readFill: () => Promise<Fill>, now: () => number = () => performance.now()) {
    this.#readFill = readFill
    this.#now = now
  }

  /**
   * Takes an event that is about to be published into account.
   *
   * @returns to be called once, when the publish was acknowledged or failed
   * @throws CountersignError `store_full` when what is left is for events that end calls
   */
  async take(name: CallEventName, bytes: number): Promise<() => void> {
    const share = roomFor(name)
    if (share < 1) {
      const age = this.#now() - this.#readAt
      if (age >= freshMs) this.#reading ??= this.#read().finally(() => (this.#reading = undefined))
      if (age >= staleMs) await this.#reading
      const { bytes: stored, maxBytes } = this.#fill ?? { bytes: 0, maxBytes: -1 }
      if (maxBytes >= 0 && stored + this.#addedBytes + bytes > maxBytes * share) throw storeFull()
    }
    this.#addedBytes += bytes
    return () => {
      this.#settledBytes += bytes
    }
  }

  async #read(): Promise<void> {
    const counted = this.#settledBytes
    try {
      this.#fill = await this.#readFill()
      this.#addedBytes -= counted
      this.#settledBytes -= counted
      this.#readAt = this.#now()
    } catch {
      // The store is away: it is the publish that says so, and what was known stays good.
    }
  }
}

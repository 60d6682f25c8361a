import type { Backlog } from '@countersign/bus'
import { type AuditStanding, count } from '@countersign/contracts'

/** How old a measurement may be before the lag counts as unknown, in milliseconds. */
const validMs = 30_000
const measureEveryMs = 2000

/** How far audit may be behind, in events and in milliseconds. */
export interface AuditBounds {
  maxEvents: number
  maxAgeMs: number
}

/** Watches how far audit is behind, so that nothing is taken that would not be sealed (I7). */
export class AuditLag {
  readonly #measure: () => Promise<Backlog>
  readonly #bounds: AuditBounds
  readonly #now: () => number
  readonly #onStanding: (standing: AuditStanding) => void
  #last: { backlog: Backlog; at: number } | undefined
  #timer: NodeJS.Timeout | undefined

  /**
   * @param options.measure asks what audit has still to seal
   * @param options.bounds beyond either of them, new calls are refused
   * @param options.onStanding told after each measurement
   */
  constructor(options: {
    measure: () => Promise<Backlog>
    bounds: AuditBounds
    onStanding: (standing: AuditStanding) => void
    now?: () => number
  }) {
    this.#measure = options.measure
    this.#bounds = options.bounds
    this.#onStanding = options.onStanding
    // A clock that never goes back: a jump of the other must not make an old measurement young (I7).
    this.#now = options.now ?? (() => performance.now())
  }

  get standing(): AuditStanding {
    const { maxEvents, maxAgeMs } = this.#bounds
    if (!this.#last || this.#now() - this.#last.at > validMs) {
      const reason = `how far the audit log is behind could not be found out for ${seconds(validMs)}`
      return { state: 'unknown', reason, ...this.#bounds }
    }
    const { messages: events, oldestMs } = this.#last.backlog
    const measured = { events, oldestMs, ...this.#bounds }
    if (events > maxEvents) {
      const reason = `the audit log is too far behind: ${count(events, 'event')} wait to be sealed, and at most ${maxEvents} may`
      return { state: 'behind', reason, ...measured }
    }
    if (oldestMs > maxAgeMs) {
      const reason = `the audit log is too far behind: an event has been waiting to be sealed for ${seconds(oldestMs)}, and at most ${seconds(maxAgeMs)} is allowed`
      return { state: 'behind', reason, ...measured }
    }
    return { state: 'current', ...measured }
  }

  /** Measures once, and from then on every two seconds. */
  async start(): Promise<void> {
    await this.measure()
    this.#timer = setInterval(() => void this.measure(), measureEveryMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Measures now; a measurement that fails leaves the last one standing until it is too old. */
  async measure(): Promise<void> {
    try {
      this.#last = { backlog: await this.#measure(), at: this.#now() }
    } catch {
      // What is not known shows in the standing, and in readiness.
    }
    this.#onStanding(this.standing)
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

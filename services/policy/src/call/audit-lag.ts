import type { Facts } from '../rules/facts.ts'

/** How old a measurement may be before the lag counts as unknown, in milliseconds. */
const validMs = 30_000
const measureEveryMs = 2000

/** Watches how far audit is behind, so that nothing is taken that would not be sealed (I7). */
export class AuditLag {
  readonly #measure: () => Promise<number>
  readonly #maxLag: number
  readonly #now: () => number
  readonly #onKnown: (known: boolean) => void
  #last: { lag: number; at: number } | undefined
  #timer: NodeJS.Timeout | undefined

  /**
   * @param options.measure asks how many events audit has still to seal
   * @param options.maxLag above this, new calls are refused
   * @param options.onKnown told after each measurement whether the lag is known
   */
  constructor(options: {
    measure: () => Promise<number>
    maxLag: number
    onKnown: (known: boolean) => void
    now?: () => number
  }) {
    this.#measure = options.measure
    this.#maxLag = options.maxLag
    this.#onKnown = options.onKnown
    // A clock that never goes back: a jump of the other must not make an old measurement young (I7).
    this.#now = options.now ?? (() => performance.now())
  }

  get state(): Facts['audit'] {
    if (!this.#last || this.#now() - this.#last.at > validMs) return 'unknown'
    return this.#last.lag > this.#maxLag ? 'behind' : 'current'
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
      this.#last = { lag: await this.#measure(), at: this.#now() }
    } catch {
      // What is not known shows in the state, and in readiness.
    }
    this.#onKnown(this.state !== 'unknown')
  }
}

/** So many servers are each probed once an interval. Of more, each is after as much longer: what probing takes does not grow with them. */
export const probesAnInterval = 100

/** Says when servers that answer are probed again, evenly spread over time. */
export class ProbePace {
  readonly #intervalMs: number
  readonly #now: () => number
  #lastMs = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that never goes back */
  constructor(intervalMs: number, now: () => number = () => performance.now()) {
    this.#intervalMs = intervalMs
    this.#now = now
  }

  /** The instant of the next probe of a server that was probed just now. */
  next(): number {
    this.#lastMs = Math.max(this.#now() + this.#intervalMs, this.#lastMs + this.#intervalMs / probesAnInterval)
    return this.#lastMs
  }
}

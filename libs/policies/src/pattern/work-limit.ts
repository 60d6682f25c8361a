/** Thrown when something would take longer than a decision may. */
export class TooMuchWork extends Error {
  override name = 'TooMuchWork'
}

/** How much work one decision may cause: arguments are hostile, and policy decides one call after the other (I7). */
export class WorkLimit {
  readonly #max: number
  #left: number

  /** @param max steps; one takes 100 ns at worst */
  constructor(max: number) {
    this.#max = max
    this.#left = max
  }

  /** Starts over, for the next decision. */
  renew(): void {
    this.#left = this.#max
  }

  /**
   * Counts work that is about to be done.
   *
   * @throws TooMuchWork
   */
  spend(steps: number): void {
    this.#left -= steps
    if (this.#left < 0) throw new TooMuchWork(`it would take more than ${this.#max} steps`)
  }
}

/** One thing a service runs: a connection, a consumer, a listener. Started in order, stopped in reverse. */
export interface Part {
  name: string
  start(): Promise<void> | void
  /** Finish what is in hand, then let go. */
  stop?(): Promise<void> | void
}

type State = 'waiting' | 'starting' | 'started' | 'stopping' | 'stopped' | 'failed'

/** Thrown when parts could not be started or stopped; `errors` has every cause. */
export class PartsError extends AggregateError {
  override name = 'PartsError'
}

/** Starts parts in order and stops them in reverse, within a grace period. */
export class Parts {
  readonly #parts: { part: Part; state: State }[]
  /** Settles when the part that is starting has started or failed. */
  #starting: Promise<unknown> | undefined
  #stopped: Promise<void> | undefined

  constructor(parts: readonly Part[]) {
    this.#parts = parts.map((part) => ({ part, state: 'waiting' }))
  }

  /** Names of the parts that are not started yet. */
  get awaited(): string[] {
    return this.#parts.filter(({ state }) => state !== 'started').map(({ part }) => part.name)
  }

  /**
   * Starts all parts; when one fails, stops those that were started.
   *
   * @throws PartsError with the failure and whatever went wrong while stopping
   */
  async start(graceMs: number): Promise<void> {
    for (const entry of this.#parts) {
      if (entry.state !== 'waiting') throw new Error(`${entry.part.name} cannot be started: it is ${entry.state}`)
      entry.state = 'starting'
      try {
        const started = Promise.resolve(entry.part.start())
        this.#starting = started.catch(() => {})
        await started
        entry.state = 'started'
      } catch (cause) {
        entry.state = 'failed'
        const errors = [cause]
        await this.stop(graceMs).catch((error: unknown) => errors.push(error))
        throw new PartsError(errors, `${entry.part.name} did not start: ${(cause as Error).message}`)
      }
    }
  }

  /**
   * Stops all started parts in reverse order; one that is starting first has to have started, and no other starts after it. Who asks again
   * waits for the first.
   *
   * @param graceMs time for all of them together, in milliseconds
   * @throws PartsError naming the parts that failed or were still busy when the time was over
   */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs)
    return this.#stopped
  }

  async #stop(graceMs: number): Promise<void> {
    const deadline = Date.now() + graceMs
    const errors: unknown[] = []
    const attempt = (name: string, work: Promise<unknown> | undefined) =>
      within(Math.max(1, deadline - Date.now()), name, Promise.resolve(work)).catch((error: unknown) =>
        errors.push(error),
      )
    for (const entry of this.#parts.toReversed()) {
      if (entry.state === 'waiting') entry.state = 'stopped'
      if (entry.state === 'starting') await attempt(entry.part.name, this.#starting)
      if (entry.state !== 'started') continue
      entry.state = 'stopping'
      await attempt(entry.part.name, (async () => entry.part.stop?.())())
      entry.state = 'stopped'
    }
    if (errors.length > 0) {
      throw new PartsError(errors, `not stopped cleanly: ${errors.map((error) => (error as Error).message).join('; ')}`)
    }
  }
}

async function within<T>(ms: number, name: string, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${name} was still busy after the grace period`)), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

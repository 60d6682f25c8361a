/** What one tenant may ask for. */
export interface ShareLimits {
  /** Calls a second, above 0. */
  perSecond: number
  /** Calls above it that wait for their turn at once; more get none. */
  maxWaiting: number
  /** How long one waits at most, in ms. */
  maxWaitMs: number
}

const secondMs = 1000
/** What a tenant did not use is kept for so long: calls come in small bunches, and a second's worth let in at one instant is what others would notice. */
const keptMs = 200

/**
 * How long until a call has a turn that comes after others: no longer than until all who wait now have waited long enough, and one turn.
 *
 * @param turns how many there are until then, with its own
 */
export function turnInMs(
  { perSecond, maxWaitMs }: Pick<ShareLimits, 'perSecond' | 'maxWaitMs'>,
  turns: number,
): number {
  const oneMs = secondMs / perSecond
  return Math.min(turns * oneMs, maxWaitMs + oneMs)
}

/** One call that waits. */
interface Waiting {
  /** When it has waited long enough, on the clock of the share. */
  until: number
  end: (hasTurn: boolean) => void
}

/**
 * One tenant's share of what is let in: filled by time, emptied by calls. Calls above it take turns, first come, first served, one by one as the share fills: let in
 * together, they would be a burst to everybody else.
 */
export class Share {
  readonly #limits: ShareLimits
  readonly #now: () => number
  #left: number
  #filledAt: number
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  /** @param now milliseconds of a clock that never goes back */
  constructor(limits: ShareLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#left = this.#most
    this.#filledAt = now()
  }

  /**
   * Takes one call of the share, or waits for one.
   *
   * @param signal ends the waiting
   * @returns false when none came in time, or when too many wait already
   */
  async take(signal?: AbortSignal): Promise<boolean> {
    this.#fill()
    if (this.#waiting.size === 0 && this.#spend()) return true
    if (this.isFull || signal?.aborted) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const waiting = { until: this.#now() + this.#limits.maxWaitMs, end: resolve }
    const withdraw = () => this.#end(waiting, false)
    this.#waiting.add(waiting)
    signal?.addEventListener('abort', withdraw, { once: true })
    if (!this.#timer) this.#serve()
    const hasTurn = await promise
    signal?.removeEventListener('abort', withdraw)
    return hasTurn
  }

  /** As many wait as may. */
  get isFull(): boolean {
    return this.#waiting.size >= this.#limits.maxWaiting
  }

  /** How long until there would be one for a call more, in ms. */
  get nextInMs(): number {
    this.#fill()
    return Math.max(0, turnInMs(this.#limits, this.#waiting.size + 1 - this.#left))
  }

  /** What there may be left; one at least, without which nothing would ever be let in. */
  get #most(): number {
    return Math.max(1, (this.#limits.perSecond * keptMs) / secondMs)
  }

  #fill(): void {
    const now = this.#now()
    const came = ((now - this.#filledAt) / secondMs) * this.#limits.perSecond
    // While calls wait the one that is due comes on top: with a small share there would be no room for what comes until a late timer gives it out.
    const most = this.#waiting.size > 0 ? this.#most + 1 : this.#most
    this.#left = Math.min(most, this.#left + came)
    this.#filledAt = now
  }

  #spend(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }

  /** Gives out what there is, ends what waited too long, and comes again when either is due. */
  #serve(): void {
    this.#timer = undefined
    this.#fill()
    for (const waiting of this.#waiting) {
      if (this.#spend()) this.#end(waiting, true)
      else if (waiting.until <= this.#now()) this.#end(waiting, false)
      else break
    }
    const [next] = this.#waiting
    if (!next) return
    const filledMs = ((1 - this.#left) / this.#limits.perSecond) * secondMs
    const dueMs = Math.min(filledMs, next.until - this.#now())
    // Whoever waits has a connection, which keeps the process.
    this.#timer = setTimeout(() => this.#serve(), Math.ceil(dueMs)).unref()
  }

  #end(waiting: Waiting, hasTurn: boolean): void {
    this.#waiting.delete(waiting)
    waiting.end(hasTurn)
  }
}

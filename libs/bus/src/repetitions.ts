/** One time that something happened. */
export interface Occurrence {
  /** Where it came from. */
  address: string
  /** What it was about, where that has a name. */
  target?: string | undefined
  /** How much was handed out, where that counts. */
  records?: number | undefined
}

/** What happened over a while. */
export interface Repeated {
  count: number
  since: string
  until: string
  /** The first 20 of them, with how often. */
  addresses: { address: string; count: number }[]
  /** The first 20 of them. */
  targets: string[]
  records: number
}

/** How often something happened and from where, as events of any kind tell it. */
export function countedOf({ count, since, until, addresses }: Repeated) {
  return { count, since, until, addresses }
}

export interface RepetitionsOptions<What> {
  /** Told of the first time at once, and of what follows within a window as one. */
  tell: (what: What, times: Repeated) => void
  windowMs: number
  /** Different things counted at once; beyond it the longest counted is told early. */
  maxCounted?: number
  now?: () => number
}

interface Sum {
  since: number
  count: number
  addresses: Map<string, number>
  targets: Set<string>
  records: number
}

interface Window<What> {
  what: What
  /** Since the window began; undefined while nothing happened. */
  sum: Sum | undefined
  end: NodeJS.Timeout
}

const maxListed = 20
const maxTargetLength = 256

/**
 * Counts what may happen any number of times, so that the log has two events of it in a window at most: the first time is told at
 * once, what follows is told together when the window ends. Only counts wait, never an occurrence.
 */
export class Repetitions<What extends object> {
  readonly #options: RepetitionsOptions<What>
  readonly #windows = new Map<string, Window<What>>()
  readonly #now: () => number

  constructor(options: RepetitionsOptions<What>) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** @param what what counts as the same; made of few different values */
  saw(what: What, { address, target, records = 0 }: Occurrence): void {
    const key = JSON.stringify(what)
    const window = this.#windows.get(key)
    const sum: Sum = window?.sum ?? {
      ...{ since: this.#now(), count: 0, records: 0 },
      ...{ addresses: new Map<string, number>(), targets: new Set<string>() },
    }
    sum.count += 1
    sum.records += records
    if (sum.addresses.has(address) || sum.addresses.size < maxListed) {
      sum.addresses.set(address, (sum.addresses.get(address) ?? 0) + 1)
    }
    if (target !== undefined && sum.targets.size < maxListed)
      sum.targets.add(target.slice(0, maxTargetLength).toWellFormed())
    if (window) window.sum = sum
    else {
      this.#tell(what, sum)
      this.#open(key, what)
    }
  }

  /** Tells what was counted so far. */
  stop(): void {
    for (const key of this.#windows.keys()) this.#close(key)
  }

  #open(key: string, what: What): void {
    if (this.#windows.size >= (this.#options.maxCounted ?? 10_000)) this.#close(this.#windows.keys().next().value!)
    const end = setTimeout(() => this.#close(key) && this.#open(key, what), this.#options.windowMs).unref()
    this.#windows.set(key, { what, sum: undefined, end })
  }

  /** Ends a window; true when there was something to tell. */
  #close(key: string): boolean {
    const { what, sum, end } = this.#windows.get(key)!
    clearTimeout(end)
    this.#windows.delete(key)
    if (sum) this.#tell(what, sum)
    return sum !== undefined
  }

  #tell(what: What, { since, count, addresses, targets, records }: Sum): void {
    this.#options.tell(what, {
      count,
      since: new Date(since).toISOString(),
      until: new Date(this.#now()).toISOString(),
      addresses: [...addresses].map(([address, times]) => ({ address, count: times })),
      targets: [...targets],
      records,
    })
  }
}

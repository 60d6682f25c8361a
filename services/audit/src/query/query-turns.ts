import { CountersignError } from '@countersign/contracts'

/** Queries asked of the database at once; one tenant leaves room for another. */
const maxAtOnce = 4
const maxOfTenant = 3
/** Those of a tenant that may wait for their turn. */
const maxWaiting = 32

interface Asking {
  running: number
  waiting: (() => void)[]
}

/** Lets some queries run at once and some more wait, and refuses the rest; tenants take turns, so that none keeps another waiting behind all of its own. */
export class QueryTurns {
  #running = 0
  /** Tenants with queries, those first whose turn is next. */
  readonly #asking = new Map<string, Asking>()

  /** @throws CountersignError `overloaded` when too many of the tenant's queries wait; else as `work` */
  async take<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const own = this.#asking.get(tenant) ?? { running: 0, waiting: [] }
    if (own.waiting.length >= maxWaiting) {
      throw new CountersignError(
        'overloaded',
        `${maxWaiting} audit queries of your tenant are waiting; ask again later`,
      )
    }
    this.#asking.set(tenant, own)
    await new Promise<void>((begin) => {
      own.waiting.push(begin)
      this.#beginNext()
    })
    try {
      return await work()
    } finally {
      own.running -= 1
      this.#running -= 1
      if (own.running === 0 && own.waiting.length === 0) this.#asking.delete(tenant)
      this.#beginNext()
    }
  }

  #beginNext(): void {
    for (const [tenant, own] of this.#asking) {
      if (this.#running >= maxAtOnce) return
      if (own.running >= maxOfTenant) continue
      const begin = own.waiting.shift()
      if (!begin) continue
      own.running += 1
      this.#running += 1
      // Behind the others, and looked at again after them.
      this.#asking.delete(tenant)
      this.#asking.set(tenant, own)
      begin()
    }
  }
}

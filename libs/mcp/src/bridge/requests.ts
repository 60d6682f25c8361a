import type { RpcId } from '../wire/json-rpc.ts'
import type { Exchange } from './exchange.ts'

/** A request that the child has still to answer. */
export interface Waiting {
  session: string
  /** The client's own id and progress token. */
  clientId: RpcId
  progressToken: RpcId | undefined
  exchange: Exchange
  cancelled: boolean
}

/**
 * The requests in hand under the bridge's own ids, because clients share one child and choose their ids alone. The bridge's id
 * of a request is also its progress token towards the child.
 */
export class Requests {
  readonly #max: number
  readonly #byId = new Map<number, Waiting>()
  readonly #byClient = new Map<string, number>()
  #lastId = 0

  constructor(max: number) {
    this.#max = max
  }

  /** How many are in hand. */
  get size(): number {
    return this.#byId.size
  }

  /** An id for a request of the bridge itself. */
  ownId(): number {
    return ++this.#lastId
  }

  /** Takes a request in; undefined when the table is full or the session has one with this id in hand. */
  add(waiting: Waiting): number | 'full' | 'repeated' {
    const key = clientKey(waiting.session, waiting.clientId)
    if (this.#byClient.has(key)) return 'repeated'
    if (this.#byId.size >= this.#max && !this.#dropAbandoned()) return 'full'
    const id = this.ownId()
    this.#byId.set(id, waiting)
    this.#byClient.set(key, id)
    return id
  }

  get(id: RpcId | null | undefined): Waiting | undefined {
    return typeof id === 'number' ? this.#byId.get(id) : undefined
  }

  /** Takes a request out. */
  take(id: RpcId | null): Waiting | undefined {
    const waiting = this.get(id)
    if (waiting) {
      this.#byId.delete(id as number)
      this.#byClient.delete(clientKey(waiting.session, waiting.clientId))
    }
    return waiting
  }

  /** The bridge's id of a session's request; other sessions' requests are not found. */
  idOf(session: string, clientId: RpcId): number | undefined {
    return this.#byClient.get(clientKey(session, clientId))
  }

  /** Takes every request out. */
  takeAll(): Waiting[] {
    const all = [...this.#byId.values()]
    this.#byId.clear()
    this.#byClient.clear()
    return all
  }

  /** Forgets the oldest request whose client is gone: its answer would reach nobody. */
  #dropAbandoned(): boolean {
    for (const [id, { exchange }] of this.#byId) {
      if (exchange.open) continue
      this.take(id)
      return true
    }
    return false
  }
}

function clientKey(session: string, id: RpcId): string {
  return `${session} ${typeof id} ${id}`
}

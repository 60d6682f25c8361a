import { type Bus, encode } from '@countersign/bus'
import { type Principal, subjects } from '@countersign/contracts'
import type { RpcId } from '@countersign/mcp'
import { z } from 'zod'

/** What one replica tells the others: this caller withdraws this request of this session. */
const Withdrawal = z.object({
  tenant: z.string(),
  principal: z.string(),
  session: z.string(),
  requestId: z.union([z.string(), z.number()]),
})

/** Whose request: only its owner can withdraw it. */
export interface RequestOwner {
  principal: Principal
  /** The session, which was found to be this principal's; undefined for a caller that opened none. */
  session: string | undefined
}

/** Longer ids are not passed on; nobody but this replica will know them. */
const maxIdLength = 256

/**
 * Legacy calls that can still be cancelled. `notifications/cancelled` is a request of its own and may come to another replica than
 * the call did: what is not known here is told to all replicas.
 */
export class Cancellations {
  readonly #bus: Bus
  readonly #calls = new Map<string, AbortController>()
  #listening: { stop: () => void } | undefined

  constructor(bus: Bus) {
    this.#bus = bus
  }

  start(): void {
    this.#listening = this.#bus.listen(subjects.withdrawals('*'), (_subject, payload) => this.#told(payload))
  }

  stop(): void {
    this.#listening?.stop()
  }

  /** Takes a call in; the function returned takes it out again. */
  add(owner: RequestOwner, requestId: RpcId, abort: AbortController): () => void {
    const key = keyOf(owner.principal, owner.session, requestId)
    this.#calls.set(key, abort)
    // A client that reuses an id has lost the older call, not the newer one.
    return () => void (this.#calls.get(key) === abort && this.#calls.delete(key))
  }

  /** Withdraws a call for its owner, wherever it is; a call that is not there any more is none of anybody's business. */
  cancel({ principal, session }: RequestOwner, requestId: unknown): void {
    if (typeof requestId !== 'string' && typeof requestId !== 'number') return
    const here = this.#calls.get(keyOf(principal, session, requestId))
    if (here) return here.abort()
    if (session === undefined || String(requestId).length > maxIdLength) return
    const withdrawal = { tenant: principal.tenant, principal: principal.id, session, requestId }
    this.#bus.hint(subjects.withdrawals(session), encode(withdrawal))
  }

  #told(payload: Uint8Array): void {
    const parsed = Withdrawal.safeParse(safeParse(payload))
    if (!parsed.success) return
    const { tenant, principal, session, requestId } = parsed.data
    this.#calls.get(keyOf({ tenant, id: principal }, session, requestId))?.abort()
  }
}

function keyOf({ tenant, id }: Pick<Principal, 'tenant' | 'id'>, session: string | undefined, requestId: RpcId) {
  return JSON.stringify([tenant, id, session ?? null, requestId])
}

function safeParse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload))
  } catch {
    return undefined
  }
}

import type { ActivityLog } from '@countersign/bus'
import type { Principal } from '@countersign/contracts'
import type { Part } from '@countersign/runtime'

/** Bounds of what is recorded, so that nobody can flood the log. */
export interface SignInBounds {
  /** A person is recorded again from the same address after so long. */
  againAfterMs: number
  /** Refused tokens are counted together for so long. */
  refusedWindowMs: number
  /** Sign-ins recorded a minute; further ones wait for the person's next request. */
  maxPerMinute: number
}

export const defaultSignInBounds: SignInBounds = {
  againAfterMs: 3600 * 1000,
  refusedWindowMs: 60 * 1000,
  maxPerMinute: 600,
}

/** People remembered, and addresses told apart in one window. */
const maxRemembered = 10_000
const maxAddresses = 20

/**
 * Records who uses the console, and that tokens were refused. There are no sessions: a sign-in is the first request of a person from an
 * address in a while. Tokens themselves are never told, nor their hashes (I9).
 */
export class SignIns implements Part {
  readonly name = 'sign-ins'
  readonly #activities: ActivityLog
  readonly #tenant: string
  readonly #bounds: SignInBounds
  readonly #now: () => number
  /** When a person was last recorded from an address, the longest ago first. */
  readonly #recorded = new Map<string, number>()
  #minute = { began: 0, count: 0 }
  #refused: { since: number; count: number; addresses: Map<string, number> } | undefined
  #window: NodeJS.Timeout | undefined

  /** @param tenant whose log has what is of no single tenant */
  constructor(
    activities: ActivityLog,
    tenant: string,
    bounds: SignInBounds = defaultSignInBounds,
    now: () => number = Date.now,
  ) {
    this.#activities = activities
    this.#tenant = tenant
    this.#bounds = bounds
    this.#now = now
  }

  start(): void {}

  /** A request came with a good token. */
  admitted({ id, tenant, groups }: Principal, address: string): void {
    const key = JSON.stringify([tenant, id, address])
    const now = this.#now()
    const last = this.#recorded.get(key)
    if ((last !== undefined && now - last < this.#bounds.againAfterMs) || !this.#mayRecord(now)) return
    this.#recorded.delete(key)
    this.#recorded.set(key, now)
    if (this.#recorded.size > maxRemembered) this.#recorded.delete(this.#recorded.keys().next().value!)
    const resource = { type: 'session', name: id } as const
    void this.#activities.record('signed_in', { tenant, resource, by: id, groups: [...groups], address })
  }

  /** A request came with a token that is not good. */
  refused(address: string): void {
    this.#refused ??= { since: this.#now(), count: 0, addresses: new Map() }
    const { addresses } = this.#refused
    this.#refused.count += 1
    if (addresses.has(address) || addresses.size < maxAddresses)
      addresses.set(address, (addresses.get(address) ?? 0) + 1)
    // The first is told at once, what follows closely with the others of its window.
    if (this.#window === undefined) this.#endWindow()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#window)
    this.#tellRefused()
    await this.#activities.close()
  }

  #endWindow(): void {
    this.#window = this.#tellRefused() ? setTimeout(() => this.#endWindow(), this.#bounds.refusedWindowMs) : undefined
  }

  #tellRefused(): boolean {
    if (!this.#refused) return false
    const { since, count, addresses } = this.#refused
    this.#refused = undefined
    void this.#activities.record('sign_in_refused', {
      ...{ tenant: this.#tenant, resource: { type: 'session', name: 'console' }, by: 'console', count },
      since: new Date(since).toISOString(),
      until: new Date(this.#now()).toISOString(),
      addresses: [...addresses].map(([address, times]) => ({ address, count: times })),
    })
    return true
  }

  #mayRecord(now: number): boolean {
    if (now - this.#minute.began >= 60_000) this.#minute = { began: now, count: 0 }
    return this.#minute.count++ < this.#bounds.maxPerMinute
  }
}

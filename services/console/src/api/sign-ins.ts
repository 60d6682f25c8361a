import { type ActivityLog, RefusedTokens } from '@countersign/bus'
import type { Principal } from '@countersign/contracts'
import type { Part } from '@countersign/runtime'

/** Bounds of what is recorded, so that nobody can flood the log. */
export interface SignInBounds {
  /** A person is recorded again from the same address after so long. */
  againAfterMs: number
  /** Sign-ins recorded a minute; further ones wait for the person's next request. */
  maxPerMinute: number
}

export const defaultSignInBounds: SignInBounds = {
  againAfterMs: 3600 * 1000,
  maxPerMinute: 600,
}

/** People remembered. */
const maxRemembered = 10_000

/**
 * Records who uses the console, and that tokens were refused. There are no sessions: a sign-in is the first request of a person from an
 * address in a while. Tokens themselves are never told, nor their hashes (I9).
 */
export class SignIns implements Part {
  readonly name = 'sign-ins'
  readonly #activities: ActivityLog
  readonly #bounds: SignInBounds
  readonly #now: () => number
  /** When a person was last recorded from an address, the longest ago first. */
  readonly #recorded = new Map<string, number>()
  #minute = { began: 0, count: 0 }
  readonly #refused: RefusedTokens

  /** @param platformTenant whose log has what is of no single tenant: refused tokens */
  constructor(
    activities: ActivityLog,
    platformTenant: string,
    bounds: SignInBounds = defaultSignInBounds,
    now: () => number = Date.now,
  ) {
    this.#activities = activities
    this.#bounds = bounds
    this.#now = now
    this.#refused = new RefusedTokens(activities, { service: 'console', event: 'sign_in_refused', platformTenant })
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
    this.#refused.saw(address)
  }

  stop(): void {
    this.#refused.stop()
  }

  #mayRecord(now: number): boolean {
    if (now - this.#minute.began >= 60_000) this.#minute = { began: now, count: 0 }
    return this.#minute.count++ < this.#bounds.maxPerMinute
  }
}

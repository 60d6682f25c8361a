import { setTimeout } from 'node:timers/promises'
import { CountersignError } from '@countersign/contracts'

/** How many calls one replica takes. */
export interface AdmissionLimits {
  /** Calls waiting for their answer at once. */
  maxCallsInFlight: number
  /** What each tenant may ask a second; 0: as much as it likes. */
  tenantCallsPerSecond: number
  /** How long a call above that waits for the next second's share, in ms; left out, a second. */
  shareWaitMs?: number
}

/** Calls of a tenant that wait for its share at once; more are refused as they come. */
const maxWaiting = 100
const secondMs = 1000

/** A tenant's unused calls: filled by time, emptied by calls, never more than a second's worth. */
interface Share {
  left: number
  filledAt: number
}

/** Lets calls in, or says why not before anything is stored: a flood of one tenant must not slow the calls of another. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #now: () => number
  readonly #shares = new Map<string, Share>()
  #inside = 0
  readonly #waiting = new Map<string, number>()

  /** @param now milliseconds of a clock that never goes back */
  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  /**
   * Lets one call of a tenant in, from before its arguments are stored until it is answered. One above its tenant's share waits for it once:
   * who is refused at once asks at once again, and being refused costs the others processor time too.
   *
   * @param signal withdraws the call
   * @returns to be called once, when the call is answered
   * @throws CountersignError `overloaded`, `cancelled` for one that was withdrawn while it waited
   */
  async enter(tenant: string, signal?: AbortSignal): Promise<() => void> {
    this.#checkRoom()
    if (!this.#spend(tenant)) {
      await this.#waitForShare(tenant, signal)
      if (signal?.aborted) throw new CountersignError('cancelled', 'the caller withdrew before anything was stored')
      this.#checkRoom()
      if (!this.#spend(tenant)) throw this.#overShare(tenant)
    }
    this.#inside += 1
    return () => {
      this.#inside -= 1
    }
  }

  #checkRoom(): void {
    if (this.#inside < this.#limits.maxCallsInFlight) return
    throw refusal(`${this.#inside} calls are waiting here already`, 'in a moment')
  }

  async #waitForShare(tenant: string, signal: AbortSignal | undefined): Promise<void> {
    const waiting = this.#waiting.get(tenant) ?? 0
    if (waiting >= maxWaiting) return
    this.#waiting.set(tenant, waiting + 1)
    await setTimeout(this.#limits.shareWaitMs ?? secondMs, undefined, signal && { signal }).catch(() => {})
    this.#waiting.set(tenant, this.#waiting.get(tenant)! - 1)
  }

  /** Takes one call of a tenant's share; false when there is none left. */
  #spend(tenant: string): boolean {
    const perSecond = this.#limits.tenantCallsPerSecond
    if (perSecond === 0) return true
    const left = this.#leftOf(tenant)
    this.#shares.set(tenant, { left: left >= 1 ? left - 1 : left, filledAt: this.#now() })
    return left >= 1
  }

  #leftOf(tenant: string): number {
    const perSecond = this.#limits.tenantCallsPerSecond
    const { left, filledAt } = this.#shares.get(tenant) ?? { left: perSecond, filledAt: this.#now() }
    return Math.min(perSecond, left + ((this.#now() - filledAt) / secondMs) * perSecond)
  }

  #overShare(tenant: string): CountersignError {
    const perSecond = this.#limits.tenantCallsPerSecond
    const waitMs = Math.ceil(((1 - this.#leftOf(tenant)) / perSecond) * secondMs)
    return refusal(`your tenant may ask for ${perSecond} calls a second here and asks for more`, `in ${waitMs} ms`)
  }
}

function refusal(why: string, when: string): CountersignError {
  return new CountersignError('overloaded', `${why}; nothing was stored, ask again ${when}`)
}

import { CountersignError } from '@countersign/contracts'

/** How many calls one replica takes. */
export interface AdmissionLimits {
  /** Calls waiting for their answer at once. */
  maxCallsInFlight: number
  /** What each tenant may ask a second; 0: as much as it likes. */
  tenantCallsPerSecond: number
}

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

  /** @param now milliseconds of a clock that never goes back */
  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  /**
   * Lets one call of a tenant in, from before its arguments are stored until it is answered.
   *
   * @returns to be called once, when the call is answered
   * @throws CountersignError `overloaded`
   */
  enter(tenant: string): () => void {
    if (this.#inside >= this.#limits.maxCallsInFlight) {
      throw refusal(`${this.#inside} calls are waiting here already`, 'in a moment')
    }
    this.#spend(tenant)
    this.#inside += 1
    return () => {
      this.#inside -= 1
    }
  }

  #spend(tenant: string): void {
    const perSecond = this.#limits.tenantCallsPerSecond
    if (perSecond === 0) return
    const now = this.#now()
    const { left, filledAt } = this.#shares.get(tenant) ?? { left: perSecond, filledAt: now }
    const filled = Math.min(perSecond, left + ((now - filledAt) / 1000) * perSecond)
    this.#shares.set(tenant, { left: filled >= 1 ? filled - 1 : filled, filledAt: now })
    if (filled < 1) {
      const waitMs = Math.ceil(((1 - filled) / perSecond) * 1000)
      throw refusal(`your tenant may ask for ${perSecond} calls a second here and asks for more`, `in ${waitMs} ms`)
    }
  }
}

function refusal(why: string, when: string): CountersignError {
  return new CountersignError('overloaded', `${why}; nothing was stored, ask again ${when}`)
}

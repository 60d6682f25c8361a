import { CountersignError } from '@countersign/contracts'
import { Share, type ShareLimits, turnInMs } from './share.ts'

/** How many calls one replica takes. */
export interface AdmissionLimits {
  /** Calls waiting for their answer at once. */
  maxCallsInFlight: number
  /** What each tenant may ask a second; 0: as much as it likes. */
  tenantCallsPerSecond: number
  /** How long a call above that waits for its turn, in ms; left out, a second. */
  shareWaitMs?: number
}

/** So many calls of a tenant may wait for their turns at once, however small its share; of a larger one as many as have theirs in time. More are refused as they come. */
const leastWaiting = 100
const secondMs = 1000

/** Lets calls in, or says why not before anything is stored: a flood of one tenant must not slow the calls of another. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #share: ShareLimits
  readonly #now: () => number
  readonly #shares = new Map<string, Share>()
  /** Made once: in a flood making an error takes longer than deciding on it. */
  readonly #noPlace: CountersignError
  #inside = 0

  /** @param now milliseconds of a clock that never goes back */
  constructor(limits: AdmissionLimits, now: () => number = () => performance.now()) {
    this.#limits = limits
    this.#now = now
    const { tenantCallsPerSecond: perSecond, shareWaitMs: maxWaitMs = secondMs } = limits
    const maxWaiting = Math.max(leastWaiting, Math.ceil((perSecond * maxWaitMs) / secondMs))
    this.#share = { perSecond, maxWaiting, maxWaitMs }
    this.#noPlace = this.#overShare(turnInMs(this.#share, maxWaiting))
  }

  /**
   * Lets one call of a tenant in, from before its arguments are stored until it is answered. One above its tenant's share waits for its turn:
   * who is refused at once asks at once again, and being refused costs the others processor time too.
   *
   * @param signal withdraws the call
   * @returns to be called once, when the call is answered
   * @throws CountersignError `overloaded`, `cancelled` for one that was withdrawn while it waited
   */
  async enter(tenant: string, signal?: AbortSignal): Promise<() => void> {
    this.#checkRoom()
    if (this.#limits.tenantCallsPerSecond > 0) {
      await this.#takeTurn(tenant, signal)
      this.#checkRoom()
    }
    this.#inside += 1
    return () => {
      this.#inside -= 1
    }
  }

  /** Why a call of a tenant would be refused at once: as many as may wait for their turns already. Undefined while one would wait, or be let in. */
  refusal(tenant: string): CountersignError | undefined {
    return this.#shares.get(tenant)?.isFull ? this.#noPlace : undefined
  }

  async #takeTurn(tenant: string, signal: AbortSignal | undefined): Promise<void> {
    const share = this.#shareOf(tenant)
    if (share.isFull) throw this.#noPlace
    const hasTurn = await share.take(signal)
    if (signal?.aborted) throw new CountersignError('cancelled', 'the caller withdrew before anything was stored')
    if (!hasTurn) throw this.#overShare(share.nextInMs)
  }

  #checkRoom(): void {
    if (this.#inside < this.#limits.maxCallsInFlight) return
    throw refusal(`${this.#inside} calls are waiting here already`, 'in a moment')
  }

  #shareOf(tenant: string): Share {
    let share = this.#shares.get(tenant)
    if (!share) {
      share = new Share(this.#share, this.#now)
      this.#shares.set(tenant, share)
    }
    return share
  }

  /** @param waitMs how long until a call of the tenant would have a turn */
  #overShare(waitMs: number): CountersignError {
    const retryAfterMs = Math.ceil(waitMs)
    const why = `your tenant may ask for ${this.#limits.tenantCallsPerSecond} calls a second here and asks for more`
    return refusal(why, `in ${retryAfterMs} ms`, { retryAfterMs })
  }
}

function refusal(why: string, when: string, details?: { retryAfterMs: number }): CountersignError {
  return new CountersignError('overloaded', `${why}; nothing was stored, ask again ${when}`, details && { details })
}

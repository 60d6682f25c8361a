import type { CallEvent } from '@countersign/contracts'
import type { Outcome } from './await-outcome.ts'

/** While policy refuses for want of audit, one call is still put to it in so long a time. */
const askEveryMs = 200

/**
 * Keeps calls from being stored that policy would deny because audit is behind: their two events would be two more that it has to seal.
 * It decides nothing: it repeats what policy said, and goes on putting single calls to it, so that it hears when that has changed.
 */
export class AuditGate {
  readonly #now: () => number
  /** What policy last told a call that it denied for want of audit, and when that was heard; undefined once it let a later one pass. */
  #denial: { message: string; heardAt: number } | undefined
  #askedAt = 0

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Why a new call is not stored; undefined when it is to be put to policy. */
  refusal(): string | undefined {
    if (!this.#denial || this.#now() - this.#askedAt >= askEveryMs) {
      this.#askedAt = this.#now()
      return undefined
    }
    return this.#denial.message
  }

  /**
   * Learns from the answer to a call that was stored.
   *
   * @param askedAt when it was let through, on the clock of the gate: one that policy let pass before says nothing of now
   */
  learn(outcome: Outcome, askedAt: number): void {
    if (outcome.name === 'timeout' || outcome.name === 'cancelled') return
    const reason = outcome.name === 'denied' ? (outcome.event as CallEvent<'denied'>).data.reason : undefined
    if (reason?.code === 'audit_behind') this.#denial = { message: reason.message, heardAt: this.#now() }
    // Without policies audit was not looked at.
    else if (reason?.code !== 'no_policy' && this.#denial && askedAt > this.#denial.heardAt) this.#denial = undefined
  }

  /** Now, on the clock of the gate. */
  now(): number {
    return this.#now()
  }
}

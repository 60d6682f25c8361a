import type { Bus } from '@countersign/bus'
import { type Allowed, type CallAddress, callFieldsOf, type CredentialRef, makeEvent } from '@countersign/contracts'

/** A call that this executor claimed. */
export interface Claim {
  /** Sequence of `dispatched`. */
  seq: number
  /** When storing it began, in epoch milliseconds: a pause in the midst of it counts. */
  sinceMs: number
}

/**
 * A call is sent within milliseconds of its claim. Who needs longer may have been paused, and may have lost the call to another executor; that
 * takes an ack wait, which is many times this.
 */
const freshMs = 1000

/**
 * Claims a call by storing `dispatched` before anything is sent: from here on the tool may have run. Of two executors one wins;
 * each claim has an id of its own, so that nobody takes another's claim for theirs.
 *
 * @param follows sequence of `allowed`, or of the last `dispatched` when an idempotent tool is asked again
 * @throws LostRace when the call moved on
 */
export async function claim(
  bus: Bus,
  at: CallAddress,
  allowed: Allowed,
  turn: {
    executor: string
    attempt: number
    follows: number
    traceparent: string | undefined
    /** What the server is reached with and works with. */
    credentials: CredentialRef[] | undefined
  },
): Promise<Claim> {
  const sinceMs = Date.now()
  const { executor, attempt, follows, traceparent, credentials } = turn
  const { definitionDigest, expiresAt } = allowed.grant.claims
  const data = {
    ...{ ...callFieldsOf(allowed), executor, attempt, definitionDigest },
    ...(credentials === undefined ? {} : { credentials }),
  }
  const event = makeEvent('dispatched', data, { now: new Date(), traceparent, distinct: crypto.randomUUID() })
  const { seq } = await bus.publishEvent(at, 'dispatched', event, follows, Date.parse(expiresAt))
  return { seq, sinceMs }
}

/**
 * Whether a call may still be sent on the strength of a claim: another executor that took this one for dead has ended or claimed it (I6).
 *
 * @throws CountersignError when the history cannot be read
 */
export async function claimStands(bus: Bus, at: CallAddress, { seq, sinceMs }: Claim): Promise<boolean> {
  if (Date.now() - sinceMs < freshMs) return true
  const { lastSeq } = await bus.history(at)
  return lastSeq === seq
}

import type { Bus } from '@countersign/bus'
import { type Allowed, type CallAddress, callFieldsOf, type CredentialRef, makeEvent } from '@countersign/contracts'

/**
 * Claims a call by storing `dispatched` before anything is sent: from here on the tool may have run. Of two executors one wins;
 * each claim has an id of its own, so that nobody takes another's claim for theirs.
 *
 * @param follows sequence of `allowed`, or of the last `dispatched` when an idempotent tool is asked again
 * @returns the sequence of `dispatched`
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
): Promise<number> {
  const { executor, attempt, follows, traceparent, credentials } = turn
  const { definitionDigest, expiresAt } = allowed.grant.claims
  const data = {
    ...{ ...callFieldsOf(allowed), executor, attempt, definitionDigest },
    ...(credentials === undefined ? {} : { credentials }),
  }
  const event = makeEvent('dispatched', data, { now: new Date(), traceparent, distinct: crypto.randomUUID() })
  const { seq } = await bus.publishEvent(at, 'dispatched', event, follows, Date.parse(expiresAt))
  return seq
}

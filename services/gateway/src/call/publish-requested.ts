import { type Bus, LostRace } from '@countersign/bus'
import {
  callIdFromKey,
  CountersignError,
  type History,
  makeEvent,
  newCallId,
  type Principal,
  type Requested,
  sha256,
} from '@countersign/contracts'
import type { Target } from './resolve-target.ts'

/** What a caller asks for, before it is an event. */
export interface Asked {
  principal: Principal
  target: Target
  era: Requested['era']
  argumentsCarried: Requested['arguments']
  digest: string
  idempotencyKey: string | undefined
  deadlineMs: number
  traceparent: string
}

/** The id of a call: new, or derived from who asks and their idempotency key. */
export function callIdOf(
  principal: Pick<Principal, 'id' | 'tenant'>,
  idempotencyKey: string | undefined,
  nowMs: number,
): string {
  return idempotencyKey === undefined ? newCallId(nowMs) : callIdFromKey(principal.tenant, principal.id, idempotencyKey)
}

/**
 * Publishes `requested`, the first event of a call: without it nothing happens (I7).
 *
 * @returns undefined for a new call, or the history of the same call asked earlier with the same idempotency key
 * @throws CountersignError `idempotency_conflict` when the key names another call, `store_full`, `store_unavailable`
 */
export async function publishRequested(
  bus: Bus,
  callId: string,
  asked: Asked,
  replyTo: string,
): Promise<History | undefined> {
  const { principal, target, digest, idempotencyKey } = asked
  const at = { tenant: principal.tenant, server: target.server, callId }
  const data: Requested = {
    callId,
    tenant: principal.tenant,
    server: target.server,
    method: 'tools/call',
    tool: target.tool,
    principal: principal.id,
    digest,
    groups: principal.groups,
    arguments: asked.argumentsCarried,
    era: asked.era,
    deadline: new Date(asked.deadlineMs).toISOString(),
    replyTo,
    ...(idempotencyKey === undefined ? {} : { idempotencyKeyDigest: sha256(idempotencyKey) }),
  }
  // A keyed call may be asked twice at once: each publish has an id of its own, so that the loser notices that it lost.
  const distinct = idempotencyKey === undefined ? {} : { distinct: crypto.randomUUID() }
  const event = makeEvent('requested', data, { now: new Date(), traceparent: asked.traceparent, ...distinct })
  try {
    await bus.publishEvent(at, 'requested', event, 0, asked.deadlineMs)
    return undefined
  } catch (error) {
    if (!(error instanceof LostRace)) throw error
  }
  const history = await bus.history({ ...at, server: '*' })
  const earlier = history.last?.event.data
  if (!earlier) {
    throw new CountersignError('store_unavailable', 'the earlier call with this key is just being let go; ask again')
  }
  if (earlier.server === target.server && earlier.tool === target.tool && earlier.digest === digest) return history
  throw new CountersignError(
    'idempotency_conflict',
    'this idempotency key was used for a call of another tool or with other arguments; use a new key for a new call',
  )
}

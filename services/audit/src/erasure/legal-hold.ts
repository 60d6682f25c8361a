import { type ActivityEventData, CountersignError, type HoldView, type Principal } from '@countersign/contracts'
import { type HeldCall, inTransaction } from '@countersign/subject-keys'
import type { Personal } from './open-personal.ts'

/** An operator's order to keep something. */
export interface HoldOrder {
  operator: Principal
  subject: string | null
  call?: HeldCall | undefined
  reason: string
}

/** Places a legal hold over a subject, over the whole tenant (null), or over one call of the subject, and notes that it was done. */
export function placeHold(
  { database, holds, deeds }: Personal,
  { operator, subject, call, reason }: HoldOrder,
  now: Date,
): HoldView {
  const { tenant, id: placedBy } = operator
  const at = now.toISOString()
  return inTransaction(database, () => {
    const hold = holds.place({ tenant, subject, reason, placedBy, placedAt: at }, call)
    const data = holdData(hold, placedBy, reason)
    deeds.add({ id: crypto.randomUUID(), tenant, event: 'hold_placed', data, at }, { applied: true })
    return hold
  })
}

/**
 * Lifts a legal hold, and notes that it was done.
 *
 * @throws CountersignError `not_found` when the tenant has none with this id
 */
export function liftHold(
  { database, holds, deeds }: Personal,
  { operator, id, reason }: { operator: Principal; id: number; reason: string },
  now: Date,
): HoldView {
  const { tenant } = operator
  return inTransaction(database, () => {
    const hold = holds.lift(tenant, id)
    if (!hold)
      throw new CountersignError('not_found', `there is no legal hold ${id}; the list of holds has those in force`)
    const data = holdData(hold, operator.id, reason)
    deeds.add({ id: crypto.randomUUID(), tenant, event: 'hold_lifted', data, at: now.toISOString() }, { applied: true })
    return hold
  })
}

function holdData(hold: HoldView, by: string, reason: string): ActivityEventData<'hold_placed'> {
  const { id, tenant, subject, callId } = hold
  const resource = { type: 'hold' as const, name: String(id) }
  return { tenant, resource, by, reason, subject, ...(callId === undefined ? {} : { callId }) }
}

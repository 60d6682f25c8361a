import { type ActivityEventData, CountersignError, type Principal } from '@countersign/contracts'
import { type Hold, inTransaction } from '@countersign/subject-keys'
import type { Personal } from './open-personal.ts'

/** An operator's order to erase. */
export interface ErasureOrder {
  operator: Principal
  subject: string
  reason: string
}

/** What was erased, by the id of the deed that tells of it. */
export interface Erased extends Omit<ErasureOrder, 'operator'> {
  id: string
  by: string
  at: string
  keys: number
}

/**
 * Erases the keys of a subject, all kinds and months, and notes that it was done, both or neither. The content of its calls is gone
 * with them; calls that it makes from now on have new keys.
 *
 * @throws CountersignError `legal_hold` saying who placed it, when and why; Error when holds or keys cannot be read, and nothing is done
 */
export function eraseSubject(personal: Personal, { operator, subject, reason }: ErasureOrder, now: Date): Erased {
  const { database, holds, keys, deeds } = personal
  const { tenant, id: by } = operator
  const [id, at] = [crypto.randomUUID(), now.toISOString()]
  return inTransaction(database, () => {
    const hold = holds.over(tenant, subject)
    if (hold) throw heldBack(hold, subject)
    const erased = { id, subject, reason, by, at, keys: keys.eraseSubject(tenant, subject) }
    const data: ActivityEventData<'erased'> = {
      ...{ tenant, resource: { type: 'person', name: subject }, by, reason },
      keys: erased.keys,
    }
    deeds.add({ id, tenant, event: 'erased', data, at })
    return erased
  })
}

function heldBack({ id, subject, callId, reason, placedBy, placedAt }: Hold, asked: string): CountersignError {
  const whose = callId === undefined ? (subject ?? 'the whole tenant') : `call ${callId} of ${subject}`
  return new CountersignError(
    'legal_hold',
    `nothing of ${asked} was erased: legal hold ${id} over ${whose}, placed by ${placedBy} on ${placedAt}, keeps it (${reason}). It is ` +
      'erased when that hold is lifted and the erasure is asked for again',
    { details: { hold: id } },
  )
}

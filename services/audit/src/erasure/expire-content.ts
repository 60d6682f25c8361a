import { setImmediate } from 'node:timers/promises'
import type { ActivityEventData, AuditRetention, KeepByKind } from '@countersign/contracts'
import { inTransaction } from '@countersign/subject-keys'
import type { Personal } from './open-personal.ts'

const keysAtOnce = 5000
const dayMs = 24 * 3600 * 1000

/**
 * Erases the keys of content that is over its time, by tenant and kind, and notes what was erased, a part at a time. What is under a legal
 * hold stays.
 *
 * @returns how many keys were erased
 */
export async function expireContent(personal: Personal, retention: AuditRetention, now: Date): Promise<number> {
  const { database, expired, keys, deeds } = personal
  const at = now.toISOString()
  let erased = 0
  for (const tenant of expired.tenants()) {
    for (const [kind, before] of endsOf(keepOf(retention, tenant), now)) {
      for (let some = keysAtOnce; some === keysAtOnce; erased += some) {
        some = inTransaction(database, () => {
          const count = expired.erase(tenant, kind, before, keysAtOnce)
          if (count === 0) return 0
          const data: ActivityEventData<'expired'> = {
            ...{ tenant, resource: { type: 'retention', name: kind }, by: 'audit', before },
            keys: count,
          }
          deeds.add({ id: crypto.randomUUID(), tenant, event: 'expired', data, at })
          return count
        })
        if (some > 0) keys.forgetCached()
        await setImmediate()
      }
    }
  }
  return erased
}

/** What is kept how long of a tenant. */
function keepOf({ spec }: AuditRetention, tenant: string): KeepByKind {
  return { ...spec.default, ...spec.tenants[tenant] }
}

/** By kind, the month before which nothing is kept: one that ended so many days ago. */
function endsOf(keep: KeepByKind, now: Date): [kind: string, before: string][] {
  return Object.entries(keep).flatMap(([kind, time]): [string, string][] => {
    if (time === undefined || time === 'forever') return []
    const until = new Date(now.getTime() - Number.parseInt(time) * dayMs)
    return [[kind, until.toISOString().slice(0, 'yyyy-mm'.length)]]
  })
}

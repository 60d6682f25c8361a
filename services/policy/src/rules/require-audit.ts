import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** What cannot be sealed soon must not run (I7). */
export function requireAudit(facts: Facts) {
  const { state, reason } = facts.audit
  if (state === 'current') return undefined
  const next = 'nothing ran, ask again later, and tell whoever runs Countersign when it stays so'
  return deny(facts, 'audit_behind', `no new call is taken, because ${reason}; ${next}`)
}

import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** What cannot be sealed soon must not run (I7). */
export function requireAudit(facts: Facts) {
  if (facts.audit === 'current') return undefined
  const why = facts.audit === 'behind' ? 'is too far behind' : 'cannot be asked how far it is'
  return deny(facts, 'audit_behind', `the audit log ${why}, so no new call is taken; nothing ran, ask again later`)
}

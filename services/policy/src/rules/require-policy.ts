import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** Without a valid policy nothing is allowed (I7). */
export function requirePolicy(facts: Facts) {
  if (facts.policies) return undefined
  return deny(
    facts,
    'no_policy',
    'no valid policy is loaded, so every call is denied; whoever keeps the policies finds out why with `countersign policies`',
  )
}

import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** A definition that changed since it was pinned is not callable until the change is accepted (I13). */
export function requirePinned(facts: Facts) {
  const { call, tool } = facts
  if (tool?.state === 'pinned') return undefined
  return deny(
    facts,
    'quarantined',
    `the definition of "${call.tool}" on "${call.server}" changed since it was pinned, so it cannot be called; an operator must look ` +
      'at the change and accept it, then ask again',
  )
}

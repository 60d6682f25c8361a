import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** A call nobody waits for any more must not run behind their back. */
export function requireTime(facts: Facts) {
  const { deadline } = facts.call
  if (facts.now.getTime() < Date.parse(deadline)) return undefined
  return deny(
    facts,
    'deadline_exceeded',
    `the call's deadline, ${deadline}, passed before it was decided; nothing ran, ask again`,
  )
}

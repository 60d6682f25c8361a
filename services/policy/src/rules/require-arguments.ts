import { deny } from './deny.ts'
import type { Facts } from './facts.ts'

/** The arguments must be those of the digest (I3) and fit the pinned schema, before any policy looks at them. */
export function requireArguments(facts: Facts) {
  const { call, tool } = facts
  const given = facts.arguments
  const problem = 'problem' in given ? given.problem : facts.checkArguments(tool!.pinned!, given.value)
  if (problem === undefined) return undefined
  return deny(
    facts,
    'invalid_arguments',
    `the arguments of "${call.tool}" on "${call.server}" were refused: ${problem}`,
  )
}

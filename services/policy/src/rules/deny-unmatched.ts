import { deny } from './deny.ts'
import type { Facts } from './facts.ts'
import { type Matches, nameOf, recordMatches } from './match-rules.ts'
import type { Denial } from './verdict.ts'

/** What no rule allows is denied (I7). */
export function denyUnmatched(facts: Facts, matches: Matches): Denial {
  const { tool, server } = facts.call
  const failed = matches.failedAllows[0]
  const hint = failed ? ` (${nameOf(failed)} could not be judged: ${failed.error})` : ''
  const message =
    `no rule of the policies in force allows "${tool}" on "${server}" with these arguments${hint}; ask for something that is ` +
    'allowed, or have a rule added'
  return deny(facts, 'policy', message, recordMatches(matches))
}

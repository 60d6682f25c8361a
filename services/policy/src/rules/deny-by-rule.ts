import { deny } from './deny.ts'
import type { Facts } from './facts.ts'
import { type Matches, nameOf, recordMatches } from './match-rules.ts'
import type { Denial } from './verdict.ts'

/** A deny rule that matches, or a deny or hold rule that could not be judged (I7). */
export function denyByRule(facts: Facts, matches: Matches): Denial | undefined {
  const { enforced } = matches
  const match =
    enforced.find(({ rule, error }) => rule.effect === 'deny' && error === undefined) ??
    enforced.find(({ error }) => error !== undefined)
  if (!match) return undefined
  const reason = match.rule.reason?.replace(/\.$/, '')
  const message =
    match.error === undefined
      ? `${nameOf(match)} denies this call${reason ? `: ${reason}` : ''}; ask for something it does not deny`
      : `${nameOf(match)} could not be judged for this call (${match.error}), so it is denied; call with arguments that it can be ` +
        'judged on, or have the rule mended'
  return deny(facts, 'policy', message, recordMatches(matches))
}

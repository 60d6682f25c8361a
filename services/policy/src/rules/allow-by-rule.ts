import { bindingOf } from './binding-of.ts'
import type { Facts } from './facts.ts'
import { type Matches, recordMatches } from './match-rules.ts'
import { recordDecision } from './record-decision.ts'
import type { Verdict } from './verdict.ts'

/** An allow rule that matches. */
export function allowByRule(facts: Facts, matches: Matches): Verdict | undefined {
  if (!matches.enforced.some(({ rule }) => rule.effect === 'allow')) return undefined
  return {
    effect: 'allow',
    decision: recordDecision(facts, recordMatches(matches))!,
    binding: bindingOf(facts),
  }
}

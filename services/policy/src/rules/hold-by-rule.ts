import { bindingOf } from './binding-of.ts'
import { combineTerms } from './combine-terms.ts'
import { deny } from './deny.ts'
import type { Facts } from './facts.ts'
import { type Matches, nameOf, recordMatches } from './match-rules.ts'
import { recordDecision } from './record-decision.ts'
import type { Verdict } from './verdict.ts'

/** Hold rules that match: people decide, under terms that satisfy every one of them. */
export function holdByRule(facts: Facts, matches: Matches): Verdict | undefined {
  const holds = matches.enforced.flatMap((match) => {
    const { rule } = match
    return rule.effect === 'hold' ? [{ name: nameOf(match), reason: rule.reason, approval: rule.approval }] : []
  })
  if (holds.length === 0) return undefined
  const record = recordMatches(matches)
  const terms = combineTerms(
    holds.map(({ approval }) => approval),
    facts.now,
  )
  if (!terms) {
    const names = holds.map(({ name }) => name).join(' and ')
    const message = `${names} hold this call, but name no group in common, so nobody could approve it; have the rules mended`
    return deny(facts, 'policy', message, record)
  }
  return {
    effect: 'hold',
    decision: recordDecision(facts, record)!,
    binding: bindingOf(facts),
    terms,
    reason: [...new Set(holds.map(({ name, reason }) => reason ?? `${name} wants people to decide`))].join('; '),
  }
}

import type { MatchedRule } from '@countersign/contracts'
import type { CelVariables, Policy, Rule } from '@countersign/policies'

/** A rule that has a say in a call. */
export interface Match {
  policy: Policy
  rule: Rule
  /** Why its condition could not be judged. */
  error?: string
}

/** The rules that have a say in a call, and allow rules that would have if they could have been judged. */
export interface Matches {
  enforced: Match[]
  /** Recorded, not applied. */
  shadow: Match[]
  /** Allow rules whose condition failed: they allow nothing. */
  failedAllows: Match[]
}

/**
 * Finds the rules that match a call. A condition that cannot be judged counts for deny and hold rules and against allow
 * rules (I7).
 */
export function matchRules(
  policies: readonly Policy[],
  target: { tenant: string; server: string },
  variables: CelVariables & { args: Map<string, unknown> },
): Matches {
  const matches: Matches = { enforced: [], shadow: [], failedAllows: [] }
  for (const policy of policies) {
    if (!policy.covers(target)) continue
    for (const rule of policy.rules) {
      const outcome = rule.condition.judge(variables)
      if (outcome === false) continue
      const match: Match = { policy, rule, ...(outcome === true ? {} : { error: outcome.error }) }
      if (match.error !== undefined && rule.effect === 'allow') {
        if (policy.mode === 'enforce') matches.failedAllows.push(match)
      } else matches[policy.mode === 'enforce' ? 'enforced' : 'shadow'].push(match)
    }
  }
  return matches
}

/** The matches as the decision records them. */
export function recordMatches({ enforced, shadow }: Matches): MatchedRule[] {
  return [...enforced, ...shadow].map(recordMatch)
}

function recordMatch({ policy, rule, error }: Match): MatchedRule {
  return {
    policy: policy.name,
    rule: rule.name,
    effect: rule.effect,
    ...(rule.reason === undefined ? {} : { reason: rule.reason }),
    ...(error === undefined ? {} : { error }),
    ...(policy.mode === 'shadow' ? { shadow: true } : {}),
  }
}

/** How messages name a rule. */
export function nameOf({ policy, rule }: Match): string {
  return `rule "${rule.name}" of policy "${policy.name}"`
}

import type { ApprovalSpec } from '@countersign/contracts'
import type { CelVariables, Outcome, Policy, Rule } from '@countersign/policies'
import { combineTerms } from './combine-terms.ts'

/** Everything a condition may look at but the tool and the arguments. */
export type Viewpoint = Omit<CelVariables, 'args' | 'tool'>

/**
 * Makes the test whether policy could allow or hold a call of a tool with some arguments (I10): no deny rule matches whatever the
 * arguments are, and an allow or hold rule matches or may match. What does not depend on the tool is judged once for all tools.
 *
 * @param policies those that cover the server
 */
export function couldAllow(policies: readonly Policy[], viewpoint: Viewpoint): (tool: CelVariables['tool']) => boolean {
  const rules = policies.filter(({ mode }) => mode === 'enforce').flatMap((policy) => policy.rules)
  const constant = new Map<Rule, Outcome | 'unknown'>()
  const judge = (rule: Rule, tool: CelVariables['tool']) => {
    const known = constant.get(rule)
    if (known !== undefined) return known
    const outcome = rule.condition.judgeWithoutArguments({ ...viewpoint, tool })
    if (!rule.condition.names('tool')) constant.set(rule, outcome)
    return outcome
  }
  return (tool) => {
    let possible = false
    const certainHolds: ApprovalSpec[] = []
    for (const rule of rules) {
      // One that may match is enough, unless a later rule always denies.
      if (rule.effect === 'allow' && possible) continue
      const outcome = judge(rule, tool)
      const fails = typeof outcome === 'object'
      if (rule.effect !== 'allow' && (fails || (rule.effect === 'deny' && outcome === true))) return false
      if (rule.effect === 'hold' && outcome === true) certainHolds.push(rule.approval)
      if (rule.effect !== 'deny' && (outcome === true || outcome === 'unknown')) possible = true
    }
    return possible && (certainHolds.length === 0 || combineTerms(certainHolds, new Date(0)) !== undefined)
  }
}

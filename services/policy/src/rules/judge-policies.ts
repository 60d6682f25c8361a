import { toolHints } from '@countersign/contracts'
import { allowByRule } from './allow-by-rule.ts'
import { CelPrincipal, CelTool, toCel } from '@countersign/policies'
import { denyByRule } from './deny-by-rule.ts'
import { denyUnmatched } from './deny-unmatched.ts'
import type { Facts } from './facts.ts'
import { holdByRule } from './hold-by-rule.ts'
import { type Matches, matchRules } from './match-rules.ts'
import type { Verdict } from './verdict.ts'

/** Judges a call by the documents in force: deny beats hold beats allow; nothing matching is a deny. */
export function judgePolicies(facts: Facts): Verdict {
  const matches = matchesOf(facts)
  return (
    denyByRule(facts, matches) ??
    holdByRule(facts, matches) ??
    allowByRule(facts, matches) ??
    denyUnmatched(facts, matches)
  )
}

function matchesOf({ call, policies, tool, ...facts }: Facts): Matches {
  const value = 'value' in facts.arguments ? facts.arguments.value : {}
  return matchRules(policies!.policies, call, {
    tool: new CelTool({ name: call.tool, server: call.server, ...toolHints(tool!.pinned!.definition) }),
    principal: new CelPrincipal({ id: call.principal, tenant: call.tenant, groups: call.groups }),
    server: call.server,
    method: call.method,
    args: toCel(value) as Map<string, unknown>,
  })
}

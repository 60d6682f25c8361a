import { type Decision, type MatchedRule, toolHints } from '@countersign/contracts'
import type { Facts } from './facts.ts'

/**
 * Writes down what a decision was made on: the revision, the rules that had a say, and the facts, without the arguments, which the
 * call's own history holds. Undefined where there was no policy.
 */
export function recordDecision(facts: Facts, rules: MatchedRule[]): Decision | undefined {
  const { call, policies, tool } = facts
  if (!policies) return undefined
  const pinned = tool?.pinned
  return {
    policyRevision: policies.revision,
    rules,
    facts: {
      server: call.server,
      method: call.method,
      principal: { id: call.principal, tenant: call.tenant, groups: [...call.groups] },
      tool: {
        name: call.tool,
        ...(pinned ? { ...toolHints(pinned.definition), definitionDigest: pinned.digest } : {}),
      },
    },
  }
}

import { toolHints } from '@countersign/contracts'
import { CelPrincipal, CelTool } from '@countersign/policies'
import { couldAllow } from './could-allow.ts'
import { deny } from './deny.ts'
import type { Facts } from './facts.ts'
import { judgePolicies } from './judge-policies.ts'

/**
 * A definition that changed since it was pinned is not callable until the change is accepted (I13). Whoever could not see the tool before
 * is denied as before, and learns nothing of the change (I10).
 */
export function requirePinned(facts: Facts) {
  const { call, tool } = facts
  if (tool?.state === 'pinned') return undefined
  if (!couldSee(facts)) {
    const verdict = judgePolicies(facts)
    if (verdict.effect === 'deny') return verdict
  }
  return deny(
    facts,
    'quarantined',
    `the definition of "${call.tool}" on "${call.server}" changed since it was pinned, so it cannot be called; an operator must look ` +
      'at the change and accept it, then ask again',
  )
}

/** Whether the tool as it is pinned is one that the caller sees. */
function couldSee({ call, policies, tool }: Facts): boolean {
  const { tenant, server, method } = call
  const principal = new CelPrincipal({ id: call.principal, tenant, groups: call.groups })
  const covering = policies!.policies.filter((policy) => policy.covers({ tenant, server }))
  const hints = toolHints(tool!.pinned!.definition)
  return couldAllow(covering, { principal, server, method })(new CelTool({ name: call.tool, server, ...hints }))
}

import type { Facts } from '../rules/facts.ts'
import { judgePolicies } from '../rules/judge-policies.ts'
import { requireArguments } from '../rules/require-arguments.ts'
import { requireAudit } from '../rules/require-audit.ts'
import { requirePinned } from '../rules/require-pinned.ts'
import { requirePolicy } from '../rules/require-policy.ts'
import { requireTime } from '../rules/require-time.ts'
import { requireTool } from '../rules/require-tool.ts'
import type { Verdict } from '../rules/verdict.ts'

/** What a call must pass before the documents are asked, in order. */
const requirements = [requirePolicy, requireAudit, requireTime, requireTool, requirePinned, requireArguments] as const

/** Decides a call from its facts; the same facts give the same verdict. */
export function decide(facts: Facts): Verdict {
  for (const requirement of requirements) {
    const denial = requirement(facts)
    if (denial) return denial
  }
  return judgePolicies(facts)
}

import type { Evidence, Rule, Violation } from './evidence.ts'
import { auditOrder } from './rules/audit-order.ts'
import { auditComplete } from './rules/audit-complete.ts'
import { eachHistory } from './rules/each-history.ts'
import { eachReceipt } from './rules/each-receipt.ts'
import { eachRequest } from './rules/each-request.ts'
import { eachAnswer } from './rules/each-answer.ts'

/** What must hold after every run, whatever happened during it. */
const rules: readonly Rule[] = [eachRequest, eachHistory, eachReceipt, auditOrder, auditComplete, eachAnswer]

/** Checks a whole run; empty when everything holds. */
export function checkRun(evidence: Evidence): Violation[] {
  return rules.flatMap((rule) => rule(evidence))
}

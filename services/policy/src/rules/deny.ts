import type { ErrorCode, MatchedRule } from '@countersign/contracts'
import type { Facts } from './facts.ts'
import { recordDecision } from './record-decision.ts'
import type { Denial } from './verdict.ts'

/**
 * A denial with the facts it was made on.
 *
 * @param message what was refused, why, and what to do next; the caller sees it
 */
export function deny(facts: Facts, code: ErrorCode, message: string, rules: MatchedRule[] = []): Denial {
  const decision = recordDecision(facts, rules)
  return { effect: 'deny', code, message, ...(decision ? { decision } : {}) }
}

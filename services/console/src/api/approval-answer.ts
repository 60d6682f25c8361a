import {
  type ApprovalView,
  Arguments,
  digestOf,
  type JsonObject,
  JsonObjectSchema,
  MatchedRule,
  verbs,
  Vote,
} from '@countersign/contracts'
import type { Payloads } from '@countersign/bus'
import { z } from 'zod'

const { shape } = verbs.policy.approval.output

/** A held call as people see it before they vote. */
export const ApprovalAnswer = z.object({
  callId: shape.callId,
  tenant: shape.tenant,
  principal: shape.principal,
  server: shape.server,
  tool: shape.tool,
  /** What would be sent, whole; null only in lists, for content too large for one. */
  arguments: JsonObjectSchema.meta({ type: 'object' }).nullable(),
  digest: shape.digest,
  reason: shape.reason,
  rules: z.array(MatchedRule),
  policyRevision: z.string(),
  groups: shape.groups,
  quorum: shape.quorum,
  notRequester: shape.notRequester,
  expiresAt: shape.expiresAt,
  heldAt: shape.heldAt,
  votes: z.array(Vote),
  state: shape.state,
})
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>

/** Bytes of stored arguments that are fetched for one list. */
const listBudget = 8 * 1024 * 1024

/**
 * Makes the answer for one approval, with its arguments fetched from where they are.
 *
 * @throws Error when the arguments are not what the digest says: nobody is shown one thing and votes on another (I3)
 */
export async function approvalAnswer(payloads: Payloads, view: ApprovalView): Promise<ApprovalAnswer> {
  const content = await payloads.fetch(view.arguments)
  if (digestOf(content) !== view.digest)
    throw new Error(`the arguments of call ${view.callId} are not what its digest says`)
  return answerOf(view, content)
}

/** Makes the answers for a list; arguments beyond a budget are left out. */
export async function approvalAnswers(payloads: Payloads, views: readonly ApprovalView[]): Promise<ApprovalAnswer[]> {
  let budget = listBudget
  const answers: ApprovalAnswer[] = []
  for (const view of views) {
    budget -= storedSize(view.arguments)
    answers.push(budget < 0 ? answerOf(view, null) : await approvalAnswer(payloads, view))
  }
  return answers
}

function storedSize(content: Arguments): number {
  return 'stored' in content ? content.stored.size : 0
}

function answerOf(view: ApprovalView, content: JsonObject | null): ApprovalAnswer {
  const { decision, arguments: _, ...rest } = view
  return { ...rest, arguments: content, rules: decision.rules, policyRevision: decision.policyRevision }
}

import { CountersignError, verbs } from '@countersign/contracts'
import { z } from 'zod'
import { ApprovalAnswer, approvalAnswer, approvalAnswers } from './approval-answer.ts'
import { isOperator } from './may-see.ts'
import { type Route, route } from './route.ts'

const { callId, digest, comment, decision } = verbs.policy.vote.input.shape
const params = z.strictObject({ callId })

/** Calls that wait for people. */
export const approvals: readonly Route[] = [
  route({
    method: 'GET',
    path: '/approvals',
    summary: 'Calls that wait for people',
    description:
      'Operators see all of their tenant, or with `all=false` those they may vote on themselves; others see those they may vote on.',
    query: z.strictObject({ all: z.enum(['true', 'false']).optional() }),
    answer: z.object({
      /** The oldest first. */
      approvals: z.array(ApprovalAnswer),
      /** More may wait than one answer holds: decide on these first. */
      more: z.boolean(),
    }),
    errors: ['forbidden'],
    async handle({ viewer, query }, { bus }) {
      const all = query.all === undefined ? isOperator(viewer) : query.all === 'true'
      if (all && !isOperator(viewer)) {
        throw new CountersignError(
          'forbidden',
          'only operators see all approvals; leave all=true out to see those you may vote on',
        )
      }
      const { approvals, more } = await bus.callApi(verbs.policy.approvals, { viewer, all })
      const own = approvals.filter(({ tenant }) => tenant === viewer.tenant)
      return { approvals: await approvalAnswers(bus.payloads, own), more }
    },
  }),
  route({
    method: 'GET',
    path: '/approvals/:callId',
    summary: 'One held call: what would run, why it waits, who said what',
    params,
    answer: ApprovalAnswer,
    errors: ['unknown_approval'],
    async handle({ viewer, params }, { bus }) {
      const view = await bus.callApi(verbs.policy.approval, { viewer, callId: params.callId, all: isOperator(viewer) })
      if (view.tenant !== viewer.tenant)
        throw new CountersignError(
          'unknown_approval',
          'no such call is held for you to vote on; the list of approvals has those that are',
        )
      return approvalAnswer(bus.payloads, view)
    },
  }),
  route({
    method: 'POST',
    path: '/approvals/:callId/votes',
    summary: 'One vote on a held call',
    description:
      'The digest is the one that was shown: a vote over another is refused, and so is a second vote by the same person.',
    params,
    body: z.strictObject({ decision, digest, comment }),
    answer: ApprovalAnswer,
    errors: [
      'unknown_approval',
      'digest_mismatch',
      'already_voted',
      'approval_ended',
      'not_an_approver',
      'requester_may_not_vote',
      'store_full',
    ],
    async handle({ viewer, params, body }, { bus }) {
      const view = await bus.callApi(verbs.policy.vote, { voter: viewer, callId: params.callId, ...body }, 10_000)
      return approvalAnswer(bus.payloads, view)
    },
  }),
]

import type { ApprovalAnswer } from '../../api/approval-answer.ts'
import type { Output } from '../output/output.ts'
import { ago, count, until } from '../output/times.ts'

/** Shows what a vote is about: who, what, with which arguments, why it waits and until when. */
export function showApproval(out: Output, held: ApprovalAnswer, nowMs: number): void {
  const {
    callId,
    principal,
    server,
    tool,
    arguments: content,
    digest,
    reason,
    rules,
    groups,
    quorum,
    notRequester,
    votes,
  } = held
  out.line({ text: `${principal} wants to call ${server}: ${tool}`, style: 'strong' })
  out.content(content, '    ')
  out.fields([
    ['call', callId],
    ['digest', digest],
    ['reason', reason],
    ['rules', rules.map(({ policy, rule, effect }) => `${policy}/${rule} (${effect})`).join(', ')],
    [
      'needs',
      `${count(quorum, 'approval')} from ${groups.join(' or ')}${notRequester ? `, but not ${principal}` : ''}`,
    ],
    ['asked', ago(held.heldAt, nowMs)],
    ['expires', until(held.expiresAt, nowMs)],
    ...votes.map(
      ({ approver, vote, comment }) => ['vote', `${approver}: ${vote}${comment ? `, "${comment}"` : ''}`] as const,
    ),
  ])
}

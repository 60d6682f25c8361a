import type { ApprovalView, CallEvent, History } from '@countersign/contracts'

/** A held call as people see it; undefined for a call that was never held. */
export function approvalView(history: History): ApprovalView | undefined {
  const requested = history.find('requested')
  const held = history.find('held')
  if (!requested || !held) return undefined
  const { callId, tenant, principal, server, tool, digest, approval, reason, decision } = held.data
  return {
    callId,
    tenant,
    principal,
    server,
    tool,
    digest,
    arguments: requested.data.arguments,
    state: stateOf(history),
    reason,
    ...approval,
    decision,
    heldAt: held.time,
    votes: history.all('voted').map(viewVote),
  }
}

function stateOf(history: History): ApprovalView['state'] {
  if (history.waiting) return 'waiting'
  if (history.find('denied')) return 'denied'
  // Withdrawn before anything ran, even if it was allowed already.
  return history.find('cancelled') ? 'cancelled' : 'allowed'
}

function viewVote({ data, time }: CallEvent<'voted'>): ApprovalView['votes'][number] {
  const { approver, vote, comment } = data
  return { approver, vote, at: time, ...(comment === undefined ? {} : { comment }) }
}

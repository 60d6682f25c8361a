import { type ApprovalView, CountersignError, type Principal } from '@countersign/contracts'

/** A vote as somebody wants to give it. */
export interface Ballot {
  voter: Principal
  digest: string
}

const ended = { allowed: 'was approved', denied: 'was denied', cancelled: 'was withdrawn by its caller' } as const

/**
 * What stands against a vote, in the order people should learn it; undefined when it counts (I4).
 *
 * @param view the held call, of the voter's tenant
 */
export function checkVote(view: ApprovalView, { voter, digest }: Ballot, now: Date): CountersignError | undefined {
  if (view.state !== 'waiting') {
    return new CountersignError(
      'approval_ended',
      `the call ${ended[view.state]} already, so no vote was counted; its history says what became of it`,
    )
  }
  if (now.getTime() >= Date.parse(view.expiresAt)) {
    return new CountersignError(
      'approval_ended',
      `the time to vote ended at ${view.expiresAt}, so no vote was counted; the call must be asked for again`,
    )
  }
  if (view.digest !== digest) {
    return new CountersignError(
      'digest_mismatch',
      'the vote is over another digest than the one that is held; look at the approval again and vote on what it shows',
      { details: { held: view.digest } },
    )
  }
  if (!view.groups.some((group) => voter.groups.includes(group))) {
    return new CountersignError(
      'not_an_approver',
      `only members of ${view.groups.join(' or ')} may vote on this call; ask one of them`,
    )
  }
  if (view.notRequester && voter.id === view.principal) {
    return new CountersignError('requester_may_not_vote', 'you asked for this call, so somebody else must approve it')
  }
  if (view.votes.some(({ approver }) => approver === voter.id)) {
    return new CountersignError(
      'already_voted',
      'you have voted on this call already, and each person counts once; somebody else has to vote',
    )
  }
  return undefined
}

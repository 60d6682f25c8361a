import { LostRace } from '@countersign/bus'
import {
  type ApprovalView,
  type CallEvent,
  callFieldsOf,
  CountersignError,
  type History,
  makeEvent,
  type Principal,
  sha256,
} from '@countersign/contracts'
import { type PolicyContext, storePatienceMs } from '../call/context.ts'
import { approvalView } from './approval-view.ts'
import { checkVote } from './check-vote.ts'
import { unknownApproval } from './unknown-approval.ts'

/** One vote, as `api.policy.vote` takes it. */
export interface VoteInput {
  voter: Principal
  callId: string
  decision: 'approve' | 'reject'
  digest: string
  comment?: string | undefined
}

/** Races that one vote may lose: each loss is another's vote, a cancellation or the end. */
const maxAttempts = 50

/**
 * Stores one person's vote; the verdict follows from `voted` (I12: a crash in between loses nothing).
 *
 * @returns the approval with the vote in it
 * @throws CountersignError `unknown_approval`, `approval_ended`, `digest_mismatch`, `not_an_approver`, `requester_may_not_vote`,
 * `already_voted`, or what the store says
 */
export async function vote(context: PolicyContext, input: VoteInput): Promise<ApprovalView> {
  const { voter, callId } = input
  let lost: CallEvent<'voted'> | undefined
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const history = await context.bus.history({ tenant: voter.tenant, server: '*', callId })
    const view = approvalView(history)
    if (!view) throw unknownApproval(callId)
    // The acknowledgement was lost, and another vote followed: the race was lost to this very vote.
    if (lost && isStored(history, lost)) return view
    const refusal = checkVote(view, input, context.now())
    if (refusal) throw refusal
    const event = votedEvent(history, input, context.now())
    try {
      return await store(context, history, event)
    } catch (error) {
      // Somebody was faster: what they did decides whether this vote still counts (I2).
      if (!(error instanceof LostRace)) throw error
      lost = event
    }
  }
  throw new CountersignError(
    'overloaded',
    'the call is being voted on by too many at once; no vote of yours was counted, try again',
  )
}

function votedEvent(history: History, { voter, decision, comment }: VoteInput, now: Date): CallEvent<'voted'> {
  const { data, traceparent } = history.find('held')!
  return makeEvent(
    'voted',
    {
      ...callFieldsOf(data),
      approver: voter.id,
      groups: voter.groups,
      vote: decision,
      ...(comment === undefined ? {} : { comment }),
    },
    // One person has one vote: a second would be the same message to the store.
    { now, traceparent, distinct: sha256(voter.id).slice(7, 39) },
  )
}

async function store(context: PolicyContext, history: History, event: CallEvent<'voted'>): Promise<ApprovalView> {
  const { seq, duplicate } = await context.bus.publishEvent(
    event.data,
    'voted',
    event,
    history.lastSeq,
    Date.now() + storePatienceMs,
  )
  const after = await context.bus.history(event.data)
  if (duplicate && !isStored(after, event)) {
    throw new CountersignError(
      'already_voted',
      'you have voted on this call already, and each person counts once; somebody else has to vote',
    )
  }
  const view = approvalView(after)
  // The history can only be gone when the call ended and was sealed within the moment.
  if (!view)
    throw new CountersignError(
      'approval_ended',
      `the vote was stored as event ${seq}, and the call ended; its history says how`,
    )
  return view
}

/** Whether what is stored under this person's name is this very vote, whose acknowledgement was lost. */
function isStored(history: History, event: CallEvent<'voted'>): boolean {
  const stored = history.all('voted').find(({ id }) => id === event.id)
  return (
    stored?.time === event.time && stored.data.vote === event.data.vote && stored.data.comment === event.data.comment
  )
}

import { CountersignError } from '@countersign/contracts'

/** Says that there is nothing to vote on, and no more: whether such a call exists is not for everybody to know. */
export function unknownApproval(callId: string): CountersignError {
  return new CountersignError(
    'unknown_approval',
    `no call ${callId} is held for you to vote on: it was never held, ended some time ago, or is not yours to see; look at the calls for what became of it`,
  )
}

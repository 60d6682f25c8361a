import { callEvents, type CallEventName, isCallEventName, mayFollow } from '@countersign/contracts'

/** Of what was found among the events of calls and is none: it has no order. */
export const invalidCallId = '00000000-0000-7000-8000-000000000000'

/**
 * Checks that events of one call, in the order of the log, are a call from its beginning on: one that was left out shows where the next
 * may not follow the one before.
 *
 * @returns whether the call is over: nothing can follow the last of them
 * @throws Error naming the event that may not stand where it does
 */
export function checkOrder(callId: string, events: readonly string[]): boolean {
  if (callId === invalidCallId) return false
  let before: CallEventName | undefined
  for (const event of events) {
    if (!isCallEventName(event)) throw new Error(`"${event}" is no event of a call`)
    if (!mayFollow(before, event)) {
      const why =
        before === undefined
          ? `it begins in the middle of the call, with ${event}: what came before is missing`
          : `${event} may not follow ${before}: something is missing between them, or does not belong here`
      throw new Error(`the call is not as it can have been: ${why}`)
    }
    before = event
  }
  // What is unknown may be ruled on by an operator.
  return before !== undefined && callEvents[before].final && before !== 'unknown'
}

import type { HoldView } from '@countersign/contracts'

/** What a legal hold is over, in words. */
export function holdScope({ subject, callId }: Pick<HoldView, 'subject' | 'callId'>): string {
  return callId === undefined ? (subject ?? 'the whole tenant') : `call ${callId} of ${subject}`
}

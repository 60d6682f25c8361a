import {
  type Approval,
  type CallEvent,
  callFieldsOf,
  type Decision,
  makeEvent,
  maxClockSkewMs,
} from '@countersign/contracts'
import type { Binding } from '../rules/verdict.ts'
import { type PolicyContext, storePatienceMs } from './context.ts'

/** What a grant says besides the call. */
export interface GrantTerms {
  decision: Decision
  binding: Binding
  approvals: Approval[]
  expiresAt: Date
}

/**
 * Stores the grant: signed, bound to the call as it was asked and to the definition as it was judged, expiring (I1, I3, I4). It
 * is valid from a little earlier, for executors whose clock is behind; its end is strict. The arguments travel on exactly as the request
 * carried them.
 *
 * @param followsSeq the sequence of the event that was decided on (I2)
 * @throws LostRace when the call moved on meanwhile
 */
export async function publishAllowed(
  context: PolicyContext,
  requested: CallEvent<'requested'>,
  followsSeq: number,
  { decision, binding, approvals, expiresAt }: GrantTerms,
): Promise<void> {
  const { data, traceparent } = requested
  const now = context.now()
  const deadline = expiresAt.toISOString()
  const grant = await context.sign({
    ...callFieldsOf(data),
    ...binding,
    policyRevision: decision.policyRevision,
    approvals,
    notBefore: new Date(now.getTime() - maxClockSkewMs).toISOString(),
    expiresAt: deadline,
  })
  const event = makeEvent(
    'allowed',
    { ...callFieldsOf(data), arguments: data.arguments, grant, decision, deadline, replyTo: data.replyTo },
    { now, traceparent },
  )
  await context.bus.publishEvent(data, 'allowed', event, followsSeq, Date.now() + storePatienceMs)
}

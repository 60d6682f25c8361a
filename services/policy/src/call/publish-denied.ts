import { type CallEvent, callFieldsOf, makeEvent } from '@countersign/contracts'
import type { Denial } from '../rules/verdict.ts'
import { type PolicyContext, storePatienceMs } from './context.ts'
import { hintReply } from './hint-reply.ts'

/**
 * Ends a call with a refusal, and tells the gateway.
 *
 * @param followsSeq the sequence of the event that was decided on (I2)
 * @throws LostRace when the call moved on meanwhile
 */
export async function publishDenied(
  context: PolicyContext,
  requested: CallEvent<'requested'>,
  followsSeq: number,
  { code, message, comment, decision }: Denial,
): Promise<void> {
  const { data, traceparent } = requested
  const event = makeEvent(
    'denied',
    {
      ...callFieldsOf(data),
      reason: { code, message },
      ...(comment === undefined ? {} : { comment }),
      ...(decision ? { decision } : {}),
    },
    { now: context.now(), traceparent },
  )
  const { duplicate } = await context.bus.publishEvent(data, 'denied', event, followsSeq, Date.now() + storePatienceMs)
  await hintReply(context, data, 'denied', event, duplicate)
}

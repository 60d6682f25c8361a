import { type CallEvent, callFieldsOf, makeEvent, subjects } from '@countersign/contracts'
import { type PolicyContext, storePatienceMs } from '../call/context.ts'
import { hintReply } from '../call/hint-reply.ts'
import type { Verdict } from '../rules/verdict.ts'

/** A fired timer is kept this long for a policy that is away; one that comes later ends the hold by its sweep. */
const firedTimerTtl = '168h'

/**
 * Holds a call for people: first the alarm that ends the wait, then the hold, so that no hold is without one (I5, I12).
 *
 * @param followsSeq the sequence of the request (I2)
 * @throws LostRace when the call was decided or cancelled meanwhile; the alarm then finds nothing to do
 */
export async function open(
  context: PolicyContext,
  requested: CallEvent<'requested'>,
  followsSeq: number,
  { terms, reason, decision, binding }: Verdict & { effect: 'hold' },
): Promise<void> {
  const { data, traceparent } = requested
  await context.bus.store(
    {
      subject: subjects.holdTimer(data.callId),
      data: new Uint8Array(),
      msgId: `${data.callId}.timer.${Date.parse(terms.expiresAt)}`,
      headers: {
        'Nats-Schedule': `@at ${terms.expiresAt}`,
        'Nats-Schedule-Target': subjects.holdExpired(data),
        'Nats-Schedule-TTL': firedTimerTtl,
      },
    },
    Date.now() + storePatienceMs,
  )
  const event = makeEvent(
    'held',
    { ...callFieldsOf(data), ...binding, approval: terms, reason, decision },
    { now: context.now(), traceparent },
  )
  const { duplicate } = await context.bus.publishEvent(data, 'held', event, followsSeq, Date.now() + storePatienceMs)
  if (!duplicate) context.metrics.holdOpened()
  await hintReply(context, data, 'held', event, duplicate)
}

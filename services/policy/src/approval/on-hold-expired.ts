import { type Delivery, Terminal } from '@countersign/bus'
import { parseHoldExpired } from '@countersign/contracts'
import type { PolicyContext } from '../call/context.ts'
import { settle } from './settle.ts'

/**
 * Handles the alarm of a hold: a call that still waits when its time is over is denied as `expired`.
 *
 * @throws Error while the call is to be looked at again later, because an alarm that was acknowledged never rings again
 */
export async function onHoldExpired(context: PolicyContext, { subject }: Delivery): Promise<void> {
  const at = parseHoldExpired(subject)
  if (!at) throw new Terminal(`the subject ${subject} is not one of a hold's alarm`)
  const { waiting, state } = await settle(context, at)
  // The alarm is stored first: whoever was kept from storing the hold may still do it, or it is decided anew.
  if (state === 'requested') throw new Error('the alarm of a hold rang before the hold was stored; looking again later')
  // The clock here is behind the store's.
  if (waiting) throw new Error('the alarm of a hold rang before its time; looking again later')
}

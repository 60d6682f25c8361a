import { type Delivery, Terminal } from '@countersign/bus'
import { parseHoldExpired } from '@countersign/contracts'
import type { PolicyContext } from '../call/context.ts'
import { settle } from './settle.ts'

/** Handles the alarm of a hold: a call that still waits when its time is over is denied as `expired`. */
export async function onHoldExpired(context: PolicyContext, { subject }: Delivery): Promise<void> {
  const at = parseHoldExpired(subject)
  if (!at) throw new Terminal(`the subject ${subject} is not one of a hold's alarm`)
  const { waiting } = await settle(context, at)
  // The clock here is behind the store's: the alarm must not get lost.
  if (waiting) throw new Error('the alarm of a hold rang before its time; looking again later')
}

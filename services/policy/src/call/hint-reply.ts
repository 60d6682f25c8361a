import { encode } from '@countersign/bus'
import { type CallEvent, type CallEventName, type Requested, subjects } from '@countersign/contracts'
import type { PolicyContext } from './context.ts'

/**
 * Tells the gateway that waits that an event was stored. Only a hint: a gateway that misses it reads the history.
 *
 * @param duplicate the event was there already, so what is stored may be an earlier attempt's: that is what is told
 */
export async function hintReply(
  { bus }: PolicyContext,
  requested: Requested,
  name: CallEventName,
  event: CallEvent,
  duplicate: boolean,
): Promise<void> {
  const stored = duplicate ? (await bus.history(requested)).find(name) : event
  if (stored) bus.hint(subjects.replies(requested.replyTo), encode(stored))
}

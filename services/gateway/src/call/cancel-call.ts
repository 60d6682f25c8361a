import { type Bus, encode, LostRace } from '@countersign/bus'
import { type CallAddress, callFieldsOf, makeEvent, mayFollow, subjects } from '@countersign/contracts'

/**
 * Withdraws a call for its caller. Before it is dispatched this ends it; afterwards the executor is asked to pass the wish on,
 * and the outcome is whatever it turns out to be.
 *
 * @param deadlineMs how long to try, in epoch milliseconds
 */
export async function cancelCall(
  bus: Bus,
  at: CallAddress,
  gatewayId: string,
  reason: string,
  deadlineMs: number,
): Promise<void> {
  while (Date.now() < deadlineMs) {
    const history = await bus.history(at)
    const { last, lastSeq } = history
    if (!last || history.final) return
    if (!mayFollow(last.name, 'cancelled')) {
      bus.hint(subjects.midcall(gatewayId, at.callId, 'up'), encode({ cancel: reason }))
      return
    }
    const { data, traceparent } = last.event
    const event = makeEvent('cancelled', { ...callFieldsOf(data), reason }, { now: new Date(), traceparent })
    try {
      await bus.publishEvent({ ...at, server: data.server }, 'cancelled', event, lastSeq, deadlineMs)
      return
    } catch (error) {
      if (!(error instanceof LostRace)) throw error
    }
  }
}

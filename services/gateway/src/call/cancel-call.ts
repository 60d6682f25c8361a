import { setTimeout as pause } from 'node:timers/promises'
import { type Bus, encode, LostRace } from '@countersign/bus'
import {
  type CallAddress,
  callFieldsOf,
  CountersignError,
  makeEvent,
  mayFollow,
  subjects,
} from '@countersign/contracts'

const againMs = 250

/**
 * Withdraws a call for its caller. Before it is dispatched this ends it; afterwards the executor is asked to pass the wish on,
 * and the outcome is whatever it turns out to be.
 *
 * @param deadlineMs how long to try, in epoch milliseconds: also while servers agree on who leads them. The call has ended by then
 */
export async function cancelCall(
  bus: Bus,
  at: CallAddress,
  gatewayId: string,
  reason: string,
  deadlineMs: number,
): Promise<void> {
  const cancelNow = async () => {
    const { last, lastSeq, final } = await bus.history(at)
    if (!last || final) return
    if (!mayFollow(last.name, 'cancelled')) {
      bus.hint(subjects.midcall(gatewayId, at.callId, 'up'), encode({ cancel: reason }))
      return
    }
    const { data, traceparent } = last.event
    const event = makeEvent('cancelled', { ...callFieldsOf(data), reason }, { now: new Date(), traceparent })
    await bus.publishEvent({ ...at, server: data.server }, 'cancelled', event, lastSeq, deadlineMs)
  }
  while (Date.now() < deadlineMs) {
    try {
      return await cancelNow()
    } catch (error) {
      if (error instanceof LostRace) continue
      if (!(error instanceof CountersignError) || error.code !== 'store_unavailable') throw error
      await pause(againMs, undefined, { ref: false })
    }
  }
}

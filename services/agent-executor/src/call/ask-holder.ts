import { setTimeout as pause } from 'node:timers/promises'
import type { Bus } from '@countersign/bus'
import { subjects } from '@countersign/contracts'

/** After an outage of the bus its executors are back within some hundred milliseconds, and hear nothing before. */
const patienceMs = 1000
const askAgainMs = 200

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]

/**
 * Asks the executor that claimed a call whether it has it in hand: a message whose ack wait is over says only that nobody kept it alive, and
 * that may be the fault of the bus.
 *
 * @returns false when it does not say so in time: it is dead, or does not have the call any more
 * @throws Error when the bus went away meanwhile, so that silence says nothing
 */
export async function askHolder(bus: Bus, executor: string, callId: string): Promise<boolean> {
  const { reconnects } = bus
  const confirmed = Promise.withResolvers<true>()
  const listening = bus.listen(subjects.inHand(executor, 'confirmed'), (_subject, payload) => {
    if (decoder.decode(payload) === callId) confirmed.resolve(true)
  })
  try {
    for (let askedMs = 0; askedMs < patienceMs; askedMs += askAgainMs) {
      bus.hint(subjects.inHand(executor, 'asked'), encoder.encode(callId))
      if (await Promise.race([confirmed.promise, pause(askAgainMs, false)])) return true
    }
    if (!(await bus.answers(patienceMs)) || bus.reconnects !== reconnects)
      throw new Error('the bus went away while the executor that claimed the call was asked; looking again later')
    return false
  } finally {
    listening.stop()
  }
}

/** Answers who asks this executor for the calls it has in hand. */
export function answerAskers(bus: Bus, executor: string, holds: (callId: string) => boolean): { stop: () => void } {
  return bus.listen(subjects.inHand(executor, 'asked'), (_subject, payload) => {
    if (holds(decoder.decode(payload))) bus.hint(subjects.inHand(executor, 'confirmed'), payload)
  })
}

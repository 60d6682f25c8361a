import type { Bus } from '@countersign/bus'
import { type CallAddress, callEventNames, parseCallSubject, subjects } from '@countersign/contracts'

/** Says where a call stands that is still in the stream; undefined for one that was purged, so has ended. */
export function workingState(bus: Pick<Bus, 'streamInfo'>) {
  return async (at: CallAddress): Promise<string | undefined> => {
    const { subjects: stored } = await bus.streamInfo('CALLS', subjects.callHistory(at))
    const events = new Set(Object.keys(stored).map((subject) => parseCallSubject(subject)?.event))
    return callEventNames.findLast((name) => events.has(name))
  }
}

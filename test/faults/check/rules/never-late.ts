import { callEvents } from '@countersign/contracts'
import { callsByNumber, type Evidence, path, storedTimes, type Violation } from '../evidence.ts'

/**
 * The tool server received nothing of a call that had ended: not of one that an executor was thought to be dead with (I5, I6). Not a rule of
 * every run: a process that chance stops between its last look and the sending of a call sends it late, which nobody can prevent.
 */
export function neverLate(evidence: Evidence): Violation[] {
  const callOf = callsByNumber(evidence)
  const storedAt = storedTimes(evidence)
  return evidence.received.flatMap(({ n, at }): Violation[] => {
    const { callId = '', history } = callOf.get(n) ?? {}
    const end = history?.entries.find(({ name }) => callEvents[name].final)
    // The store and the tool server go by the clock of the one machine, which nobody sets wrong.
    if (Date.parse(at) <= ((end && storedAt.get(end.seq)) ?? Infinity)) return []
    return [{ rule: 'I5 late', callId, detail: `received at ${at}, after its end: ${path(history)}` }]
  })
}

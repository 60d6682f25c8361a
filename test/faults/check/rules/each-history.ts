import { checkHistory } from '../check-history.ts'
import { type Evidence, storedTimes, type Violation } from '../evidence.ts'

/** Every history by itself: linear, one decision, one final event, a grant that verifies, dispatched while it is good (I1 – I6, I13). */
export function eachHistory(evidence: Evidence): Violation[] {
  const { calls, grantPublicPem, poisoned } = evidence
  const storedAt = storedTimes(evidence)
  return [...calls].flatMap(([callId, history]) =>
    poisoned.has(callId)
      ? []
      : checkHistory(history, grantPublicPem, storedAt).map((problem) => ({
          rule: problem.slice(0, problem.indexOf(' ')),
          callId,
          detail: problem,
        })),
  )
}

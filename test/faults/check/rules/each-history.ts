import { checkHistory } from '../check-history.ts'
import type { Evidence, Violation } from '../evidence.ts'

/** Every history by itself: linear, one decision, one final event, a grant that verifies (I1 – I6). */
export function eachHistory({ calls, grantPublicPem, poisoned }: Evidence): Violation[] {
  return [...calls].flatMap(([callId, history]) =>
    poisoned.has(callId)
      ? []
      : checkHistory(history, grantPublicPem).map((problem) => ({
          rule: problem.slice(0, problem.indexOf(' ')),
          callId,
          detail: problem,
        })),
  )
}

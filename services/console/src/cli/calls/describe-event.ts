import type { CallEventData, CallEventName, JsonObject } from '@countersign/contracts'
import { count, dateAndClock, localTimes } from '../output/times.ts'

/** Characters of a result in a line; `--json` has all. */
const maxShown = 2000

/** Tells in one line what an event of a call says. */
export function describeEvent(event: string, data: JsonObject): string {
  const describe = descriptions[event as CallEventName] as ((data: JsonObject) => string) | undefined
  try {
    return describe?.(data) ?? ''
  } catch {
    // An event of a newer version may lack what an older one had.
    return ''
  }
}

const descriptions: { [N in CallEventName]: (data: CallEventData<N>) => string } = {
  requested: ({ principal, groups, era }) => `by ${principal} (${groups.join(', ')}), MCP ${era}`,
  held: ({ approval, reason }) =>
    `needs ${count(approval.quorum, 'approval')} from ${approval.groups.join(' or ')} until ${dateAndClock(approval.expiresAt)}: ${reason}`,
  previewed: ({ preview }) => preview,
  voted: ({ approver, vote, comment }) => `${approver}: ${vote}${comment ? `, "${comment}"` : ''}`,
  allowed: ({ decision }) => `by ${rulesOf(decision.rules)}, policy revision ${decision.policyRevision.slice(0, 19)}`,
  denied: ({ reason }) => `${reason.code}: ${localTimes(reason.message)}`,
  cancelled: ({ reason }) => reason,
  dispatched: ({ executor, attempt }) => `attempt ${attempt} by ${executor}`,
  succeeded: ({ durationMs, toolError, result }) =>
    `in ${Math.round(durationMs)} ms${toolError ? ', the tool reports an error' : ''}: ${'inline' in result ? beginningOf(JSON.stringify(result.inline)) : `${result.stored.size} bytes`}`,
  failed: ({ error }) => `${error.code}: ${localTimes(error.message)}`,
  unknown: ({ error }) => `${error.code}: ${localTimes(error.message)}`,
  resolved: ({ operator, outcome, evidence }) =>
    `${operator}: ${outcome === 'ran' ? 'it ran' : 'it did not run'}, "${evidence}"`,
}

/** What fits on no screen is not measured to its end. */
function beginningOf(text: string): string {
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`
}

function rulesOf(rules: readonly { policy: string; rule: string }[]): string {
  return rules.map(({ policy, rule }) => `${policy}/${rule}`).join(', ') || 'no rule'
}

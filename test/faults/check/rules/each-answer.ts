import { canonicalJson, type History } from '@countersign/contracts'
import { callsByNumber, type Evidence, isUnacknowledged, path, type Told, type Violation } from '../evidence.ts'

/** What callers were told agrees with what happened. */
export function eachAnswer(evidence: Evidence): Violation[] {
  const byNumber = callsByNumber(evidence)
  const askedAgain = new Set(evidence.told.flatMap(({ n, asked }) => (asked > 1 ? [n] : [])))
  return evidence.told.flatMap((one) => {
    const call = byNumber.get(one.n)
    const lie = contradiction(one, askedAgain.has(one.n), call?.callId, call?.history)
    const where = call === undefined ? {} : { callId: call.callId }
    return lie ? [{ rule: 'told', ...where, detail: `request ${one.n}: ${lie}: ${path(call?.history)}` }] : []
  })
}

/** Why an answer is not true; undefined when it is. */
function contradiction(
  { answer }: Told,
  askedAgain: boolean,
  callId: string | undefined,
  history: History | undefined,
): string | undefined {
  const final = history?.final
  if (answer.kind === 'none') return undefined
  if (answer.kind === 'error') return undefined
  // Asked for only this once, so nothing else can have stored it.
  if (answer.status === 'refused') return history && !askedAgain ? 'told that it was refused and not stored' : undefined
  if (isUnacknowledged(answer)) return undefined
  if (!history) return `told ${answer.status}, and there is no such call`
  if (answer.callId !== callId) return `told the call id ${answer.callId}, which is another's`
  switch (answer.status) {
    case 'succeeded': {
      const result = history.find('succeeded')?.data.result
      if (!result) return 'told a result, and there is none'
      const same = !('inline' in result) || canonicalJson(result.inline.content ?? []) === answer.content
      return same ? undefined : 'told another result than is stored'
    }
    case 'pending':
      return history.find('held') ? undefined : 'told that it waits for people'
    case 'running':
      return undefined
    case 'denied':
      return history.find('denied')?.data.reason.code === answer.code ? undefined : `told denied (${answer.code})`
    case 'failed':
      return final?.name === 'resolved' || history.find('failed')?.data.error.code === answer.code
        ? undefined
        : `told failed (${answer.code})`
    case 'cancelled':
    case 'unknown':
      return history.find(answer.status) ? undefined : `told ${answer.status}`
    default:
      return `told ${answer.status}, which is no answer`
  }
}

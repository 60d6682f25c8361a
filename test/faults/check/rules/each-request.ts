import { type Evidence, numberOf, type Violation } from '../evidence.ts'

/** What was asked for once, or again under its idempotency key, is one call. */
export function eachRequest({ calls, poisoned }: Evidence): Violation[] {
  const callsOf = new Map<number, string[]>()
  for (const [callId, history] of calls) {
    const n = numberOf(history)
    if (n !== undefined && !poisoned.has(callId)) callsOf.set(n, [...(callsOf.get(n) ?? []), callId])
  }
  return [...callsOf].flatMap(([n, ids]) =>
    ids.length > 1 ? [{ rule: 'one call a request', detail: `request ${n} became the calls ${ids.join(', ')}` }] : [],
  )
}

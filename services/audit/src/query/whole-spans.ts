import type { AuditFilter } from '@countersign/contracts'

/** A part of a time, in ms: from an instant (inclusive) to another (exclusive). */
export interface Span {
  fromMs: number
  toMs: number
}

type Time = Pick<AuditFilter, 'since' | 'until'>

/** Midnights before and after everything. */
const [earliestMs, latestMs] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T00:00:00Z')]

/** A time as a span; what has no beginning or no end goes on for ever there. */
export function spanOf({ since, until }: Time): Span {
  return {
    fromMs: since === undefined ? earliestMs : Date.parse(since),
    toMs: until === undefined ? latestMs : Date.parse(until),
  }
}

/**
 * Splits a time into what whole lengths (hours or days, in UTC) make up, undefined where it has none, and what is left at its edges.
 */
export function wholeSpans(time: Time, lengthMs: number): { whole: Span | undefined; edges: Span[] } {
  const { fromMs, toMs } = spanOf(time)
  const whole = { fromMs: Math.ceil(fromMs / lengthMs) * lengthMs, toMs: Math.floor(toMs / lengthMs) * lengthMs }
  if (whole.fromMs >= whole.toMs) return { whole: undefined, edges: [{ fromMs, toMs }] }
  const edges = [
    { fromMs, toMs: whole.fromMs },
    { fromMs: whole.toMs, toMs },
  ]
  return { whole, edges: edges.filter((edge) => edge.fromMs < edge.toMs) }
}

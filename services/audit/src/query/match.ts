import { type AuditQuery, callIdTimeMs, isJsonObject, type SealedRecord } from '@countersign/contracts'

/** Clocks of gateway and store may differ by this much. */
const clockSkewMs = 10 * 60 * 1000

/** A query made ready for looking at many records. */
export interface Matcher {
  /** Quick and rough, on the text of an entry: false only for a call that cannot match. */
  mayMatch(text: string): boolean
  /** True for a record of a call that matches, whatever the event and the time. */
  ofCall(record: SealedRecord['record']): boolean
  /** True for a record whose event and time match as well. */
  ofEvent(record: Pick<SealedRecord['record'], 'event' | 'storedAt'>): boolean
  /** True when neither this record nor an older one can match. */
  isBefore(record: Pick<SealedRecord['record'], 'storedAt'>): boolean
}

/** Makes a query ready. */
export function matcherOf(query: AuditQuery): Matcher {
  const { tenant, callId, server, principal, tool, outcome } = query
  const members = { tenant, callId, server, principal, tool }
  const needles = Object.entries(members).flatMap(([key, value]) =>
    value === undefined ? [] : [`${JSON.stringify(key)}:${JSON.stringify(value)}`],
  )
  const since = query.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(query.since)
  const until = query.until === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.until)
  // A UUIDv7 says when its call began.
  const began = callId === undefined ? undefined : callIdTimeMs(callId)
  const oldest = Math.max(since, began ?? Number.NEGATIVE_INFINITY) - clockSkewMs
  return {
    mayMatch: (text) => needles.every((needle) => text.includes(needle)),
    ofCall(record) {
      const { data } = record.cloudEvent
      const fields = isJsonObject(data) ? data : {}
      return (
        (tenant === undefined || record.tenant === tenant) &&
        (callId === undefined || record.callId === callId) &&
        (server === undefined || record.server === server) &&
        (principal === undefined || (fields['principal'] ?? record.who?.principal) === principal) &&
        (tool === undefined || fields['tool'] === tool)
      )
    },
    ofEvent({ event, storedAt }) {
      const at = Date.parse(storedAt)
      return (outcome === undefined || event === outcome) && at >= since && at <= until
    },
    isBefore: ({ storedAt }) => Date.parse(storedAt) < oldest,
  }
}

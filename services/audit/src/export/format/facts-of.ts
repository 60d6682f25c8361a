import { isJsonObject, type JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'

/** What every format says of a record in words of its own. */
export interface Facts {
  /** When it happened, ISO 8601. */
  time: string
  result: 'success' | 'failure' | 'unknown' | undefined
  /** Code and words, where it did not end well. */
  reason: { code: string; message: string } | undefined
  /** One line for people. */
  summary: string
  trace: { traceId: string; spanId: string } | undefined
  /** Of a call, where they travel in the event. */
  arguments: JsonObject | undefined
}

const traceparentForm = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

export function factsOf({ sealed: { record } }: ExportedRecord): Facts {
  const { event, who, what, server, cloudEvent, outcome } = record
  const resource = 'resource' in record ? record.resource : undefined
  const data = isJsonObject(cloudEvent['data']) ? cloudEvent['data'] : {}
  const given = isJsonObject(data['arguments']) ? data['arguments']['inline'] : undefined
  const [, traceId, spanId] = traceparentForm.exec(String(cloudEvent['traceparent'] ?? '')) ?? []
  const about = what ? `${server}/${what.tool}` : (resource?.name ?? server ?? 'Countersign')
  return {
    time: record.time ?? record.storedAt,
    result: resultOf(event, outcome),
    reason: outcome?.reason,
    summary: `${event} ${about}${who ? ` for ${who.principal}` : ''}${outcome?.reason ? `: ${outcome.reason.message}` : ''}`,
    trace: traceId !== undefined && spanId !== undefined ? { traceId, spanId } : undefined,
    arguments: isJsonObject(given) ? given : undefined,
  }
}

type Outcome = ExportedRecord['sealed']['record']['outcome']

function resultOf(event: string, outcome: Outcome): Facts['result'] {
  if (!outcome) return undefined
  if (event === 'unknown' || event === 'resolved') return 'unknown'
  return outcome.status === 'succeeded' && outcome.toolError !== true ? 'success' : 'failure'
}

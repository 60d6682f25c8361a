import type { JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { eventOf } from './without-content.ts'

/** The sealed record as a CloudEvent 1.0; the event that it records is inside. */
export function cloudEventOf(exported: ExportedRecord): JsonObject {
  const { id, tenant, sealed } = exported
  const { record } = sealed
  const event = eventOf(exported)
  const traceparent = event?.['traceparent']
  return {
    specversion: '1.0',
    id,
    source: `/services/audit/${tenant}`,
    type: `dev.countersign.audit.${record.event}.v${record.version}`,
    ...(record.callId === undefined ? {} : { subject: record.callId }),
    time: record.storedAt,
    datacontenttype: 'application/json',
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    ...(event ? {} : { cut: true }),
    data: sealed as unknown as JsonObject,
  }
}

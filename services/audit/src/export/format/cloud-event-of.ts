import type { JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'

/** The sealed record as a CloudEvent 1.0; the event that it records is inside. */
export function cloudEventOf({ id, tenant, sealed }: ExportedRecord): JsonObject {
  const { record } = sealed
  const { traceparent } = record.cloudEvent
  return {
    specversion: '1.0',
    id,
    source: `/services/audit/${tenant}`,
    type: `dev.countersign.audit.${record.event}.v${record.version}`,
    ...(record.callId === undefined ? {} : { subject: record.callId }),
    time: record.storedAt,
    datacontenttype: 'application/json',
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    data: sealed as unknown as JsonObject,
  }
}

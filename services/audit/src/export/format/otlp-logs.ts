import type { JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'
import { factsOf } from './facts-of.ts'
import { eventOf, fitted } from './without-content.ts'

/** Severity numbers of the OpenTelemetry log data model. */
const severities = { success: [9, 'INFO'], failure: [13, 'WARN'], unknown: [17, 'ERROR'] } as const

/**
 * Records as an OTLP `ExportLogsServiceRequest` in JSON; the body of each log record is the sealed record itself.
 *
 * @param maxRecordBytes a log record that would be longer is told without the content of the record
 */
export function otlpLogs(records: readonly ExportedRecord[], maxRecordBytes?: number): string {
  const resource = { attributes: attributes({ 'service.name': 'countersign', 'service.namespace': 'countersign' }) }
  const list = records.map((record) => fitted(record, maxRecordBytes, (each) => JSON.stringify(logRecord(each))))
  const logs = `{"scope":{"name":"countersign.audit"},"logRecords":[${list.join(',')}]}`
  return `{"resourceLogs":[{"resource":${JSON.stringify(resource)},"scopeLogs":[${logs}]}]}`
}

function logRecord(exported: ExportedRecord): JsonObject {
  const { id, tenant, index, text, sealed } = exported
  const { record, leafHash } = sealed
  const { time, result, reason, trace } = factsOf(exported)
  const [severityNumber, severityText] = severities[result ?? 'success']
  return {
    timeUnixNano: nanos(time),
    observedTimeUnixNano: nanos(record.storedAt),
    severityNumber,
    severityText,
    eventName: `countersign.audit.${record.event}`,
    body: { stringValue: text },
    attributes: attributes({
      'log.record.uid': id,
      'countersign.tenant': tenant,
      'countersign.index': index,
      'countersign.leaf_hash': leafHash,
      'countersign.event': record.event,
      'countersign.call.id': record.callId,
      'countersign.server': record.server,
      'countersign.result': result,
      'user.id': record.who?.principal,
      'mcp.method.name': record.what?.method,
      'gen_ai.tool.name': record.what?.tool,
      'error.type': reason?.code,
      'countersign.cut': eventOf(exported) ? undefined : true,
    }),
    ...(trace ? { traceId: trace.traceId, spanId: trace.spanId } : {}),
  }
}

function attributes(values: Record<string, string | number | true | undefined>): JsonObject[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  )
}

function anyValue(value: string | number | true): JsonObject {
  if (value === true) return { boolValue: value }
  return typeof value === 'number' ? { intValue: String(value) } : { stringValue: value }
}

/** 64-bit numbers are strings in the JSON of OTLP. */
function nanos(instant: string): string {
  return `${Date.parse(instant)}000000`
}

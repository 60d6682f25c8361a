import type { ExportedRecord } from '../open-entry.ts'
import { factsOf } from './facts-of.ts'
import { formatted } from './formatted.ts'

/** Log audit. */
const facility = 13
const severities = { success: 6, failure: 5, unknown: 4 } as const
/** The number that is kept for documentation: there is none of our own. */
const structuredDataId = 'countersign@32473'
/** Longer values are cut: what they are of is in the message. */
const maxParamLength = 128

/** How messages are made. */
export interface SyslogForm {
  format: 'json' | 'ocsf' | 'ecs'
  hostname: string
  /** Of one message, at least 2048. */
  maxBytes: number
}

/**
 * A record as an RFC 5424 message. One that would be longer than allowed has a line for people in place of the record, and says so
 * (`cut="true"`); the record is found by its id.
 */
export function syslogMessage(record: ExportedRecord, { format, hostname, maxBytes }: SyslogForm): Buffer {
  const whole = messageOf(record, hostname, formatted(format, record), {})
  if (whole.length <= maxBytes) return whole
  return messageOf(record, hostname, factsOf(record).summary.slice(0, 200), { cut: 'true' })
}

function messageOf(exported: ExportedRecord, hostname: string, text: string, more: Record<string, string>): Buffer {
  const { id, tenant, index, sealed } = exported
  const { record, leafHash } = sealed
  const { time, result } = factsOf(exported)
  const priority = facility * 8 + severities[result ?? 'success']
  const params = {
    id,
    tenant,
    index: String(index),
    leafHash,
    event: record.event,
    callId: record.callId,
    server: record.server,
    tool: record.what?.tool,
    principal: record.who?.principal,
    result,
    ...more,
  }
  const data = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${escapeParam(value.slice(0, maxParamLength))}"`],
  )
  const header = `<${priority}>1 ${time} ${printable(hostname, 255)} countersign - ${printable(record.event, 32)}`
  // The byte order mark says that the message is UTF-8.
  return Buffer.from(`${header} [${structuredDataId} ${data.join(' ')}] \u{feff}${text}`)
}

/** RFC 5424 section 6.3.3. */
function escapeParam(value: string): string {
  return value.replaceAll(/["\\\]]/g, String.raw`\$&`).toWellFormed()
}

/** Printable ASCII without spaces, as the parts of the header must be. */
function printable(text: string, most: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, most) || '-'
}

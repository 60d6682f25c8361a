import type { ExportedRecord } from '../open-entry.ts'
import { factsOf } from './facts-of.ts'
import { type Format, formatted } from './formatted.ts'
import { eventOf, withoutContent } from './without-content.ts'

/** Log audit. */
const facility = 13
const severities = { success: 6, failure: 5, unknown: 4 } as const
/** The number that is kept for documentation: there is none of our own. */
const structuredDataId = 'countersign@32473'
/** Longer values are cut: what they are of is in the message. */
const maxParamLength = 128

/** How messages are made. */
export interface SyslogForm {
  format: Exclude<Format, 'cloudevents'>
  hostname: string
  /** Of one message, at least 2048. */
  maxBytes: number
  /** Whether the message begins with the mark that says that it is UTF-8. */
  byteOrderMark: boolean
}

/**
 * A record as an RFC 5424 message. One that would be longer than allowed has the record without its content, or if that is too long a line
 * for people, and says so (`cut="true"`); the record is found by its id.
 */
export function syslogMessage(record: ExportedRecord, form: SyslogForm): Buffer {
  const { format, maxBytes } = form
  const fits = ({ length }: Buffer | string) => length <= maxBytes
  if (fits(record.text)) {
    const whole = messageOf(record, form, formatted(format, record))
    if (fits(whole)) return whole
  }
  const short = withoutContent(record)
  const told = messageOf(short, form, formatted(format, short))
  return fits(told) ? told : messageOf(short, form, factsOf(short).summary.slice(0, 200))
}

function messageOf(exported: ExportedRecord, { hostname, byteOrderMark }: SyslogForm, text: string): Buffer {
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
    cut: eventOf(exported) ? undefined : 'true',
  }
  const data = Object.entries(params).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${escapeParam(value.slice(0, maxParamLength))}"`],
  )
  const header = `<${priority}>1 ${time} ${printable(hostname, 255)} countersign - ${printable(record.event, 32)}`
  const mark = byteOrderMark ? '\u{feff}' : ''
  return Buffer.from(`${header} [${structuredDataId} ${data.join(' ')}] ${mark}${text}`)
}

/** RFC 5424 section 6.3.3. */
function escapeParam(value: string): string {
  return value.replaceAll(/["\\\]]/g, String.raw`\$&`).toWellFormed()
}

/** Printable ASCII without spaces, as the parts of the header must be. */
function printable(text: string, most: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, most) || '-'
}

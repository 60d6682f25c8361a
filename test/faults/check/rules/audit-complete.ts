import {
  callEvents,
  canonicalJson,
  digestOf,
  isCallEventName,
  isJsonObject,
  type Json,
  type JsonObject,
  maxInlineBytes,
  parseCallSubject,
  recordKind,
} from '@countersign/contracts'
import type { Evidence, Violation } from '../evidence.ts'

/** Every event that was stored has its record, and the record is of that event (I8). */
export function auditComplete({ stored, log, poisoned }: Evidence): Violation[] {
  const sealed = new Map(
    log.filter(({ record }) => recordKind(record) === 'call').map(({ record }) => [record.stream.seq, record]),
  )
  return stored.flatMap(({ seq, subject, digest }): Violation[] => {
    const { event = '', callId = '' } = parseCallSubject(subject) ?? {}
    const record = sealed.get(seq)
    if (!record) {
      const final = isCallEventName(event) && callEvents[event].final ? 'final ' : ''
      return [{ rule: 'I8 unsealed', callId, detail: `the ${final}event ${event} at ${seq} has no record` }]
    }
    // What is no event is recorded as malformed, with its first bytes.
    const same = digest === undefined || poisoned.has(callId) || digestOf(asStored(record.cloudEvent)) === digest
    return same ? [] : [{ rule: 'I8 record', callId, detail: `the record of ${event} at ${seq} is of something else` }]
  })
}

/** An event as it was stored: audit puts content that is too large for one in the place of its reference. */
function asStored(event: JsonObject): JsonObject {
  const { data } = event
  if (!isJsonObject(data)) return event
  const parts = ['arguments', 'result'].flatMap((part) =>
    data[part] === undefined ? [] : [[part, byReference(data[part])]],
  )
  return { ...event, data: { ...data, ...(Object.fromEntries(parts) as JsonObject) } }
}

function byReference(content: Json): Json {
  if (!isJsonObject(content) || !isJsonObject(content['inline'])) return content
  const size = Buffer.byteLength(canonicalJson(content['inline']))
  const digest = digestOf(content['inline'])
  return size > maxInlineBytes ? { stored: { ref: digest, digest, size } } : content
}

import type { Json, JsonObject } from '../json.ts'
import type { AuditRecord, AuditRecordV3 } from './audit-record.ts'
import { decryptValue, erasedMark, keyIdOf, type SubjectKey, unwrapDigest } from './encryption.ts'

/** Finds a key by its id; undefined for one that was erased. */
export type FindKey = (id: string) => SubjectKey | undefined

/** An event, opened as far as there are keys. */
export interface OpenedEvent {
  cloudEvent: JsonObject
  /** Places that were opened. */
  opened: number
  /** Places whose key is gone. */
  erased: number
  /** Places that have a key and do not open with it: the log, or the key, was changed. */
  unreadable: string[]
}

/** What becomes of an encrypted place when its event is read: it is opened, left as it is, or reads `hiddenMark`. */
export type Opening = 'open' | 'leave' | 'hide'

/** What stands, in an event of which only some places were opened, where something personal is that is not to be known. */
export const hiddenMark = '[personal]'

/** What stands, in an opened event, where a key does not open what was sealed. */
export const unreadableMark = '[unreadable]'

/**
 * Opens what was encrypted in the event of a record. Where the key is gone stands `"[erased]"`, for a digest too: wrapped, it
 * would say nothing to whoever reads it. The record itself is left as it is.
 *
 * @param openingOf says what becomes of a place (a JSON Pointer into the event); left out, all are opened
 */
export function openEvent(
  record: AuditRecord,
  find: FindKey,
  openingOf: (path: string) => Opening = () => 'open',
): OpenedEvent {
  // Earlier versions have nothing encrypted.
  if (record.version === 2 || !record.encrypted) {
    return { cloudEvent: record.cloudEvent, opened: 0, erased: 0, unreadable: [] }
  }
  const result: OpenedEvent = { cloudEvent: { ...record.cloudEvent }, opened: 0, erased: 0, unreadable: [] }
  const own = new Set<Json>([result.cloudEvent])
  // What was encrypted last lies outermost.
  for (const { path, digest } of record.encrypted.toReversed()) {
    const opening = openingOf(path)
    if (opening === 'leave') continue
    const place = placeOf(result.cloudEvent, path, own)
    const text = place?.holder[place.key]
    // Inside something that was erased there is nothing more to open.
    if (!place || typeof text !== 'string') continue
    if (opening === 'hide') {
      place.holder[place.key] = hiddenMark
      continue
    }
    const key = find(keyIdOf(text) ?? '')
    if (!key) {
      result.erased += 1
      place.holder[place.key] = erasedMark
      continue
    }
    try {
      place.holder[place.key] = openPlace(record, key, path, text, digest)
      result.opened += 1
    } catch {
      place.holder[place.key] = unreadableMark
      result.unreadable.push(path)
    }
  }
  return result
}

/** @throws Error when it is not what was sealed there */
function openPlace(
  { tenant, stream, callId = '' }: AuditRecordV3,
  key: SubjectKey,
  path: string,
  text: string,
  digest: string | undefined,
): Json {
  if (digest === undefined) return unwrapDigest(key, callId, text)
  return decryptValue(key, { tenant, stream, path }, { jwe: text, digest })
}

type Members = Record<string, Json>

/** What holds the member that a JSON Pointer (RFC 6901) names, and its key; all that lies on the way becomes a copy of its own. */
function placeOf(value: Json, pointer: string, own: Set<Json>): { holder: Members; key: string } | undefined {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const key = steps.pop()
  let holder = value as Members
  for (const step of steps) {
    const next = holder[step]
    if (typeof next !== 'object' || next === null) return undefined
    if (!own.has(next)) {
      holder[step] = Array.isArray(next) ? [...next] : { ...next }
      own.add(holder[step])
    }
    holder = holder[step] as Members
  }
  return key === undefined ? undefined : { holder, key }
}

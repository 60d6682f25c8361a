import {
  type AuditRecord,
  type AuditRecordV3,
  decryptValue,
  erasedMark,
  type Json,
  keyIdOf,
  type SealedRecord,
  type SubjectKey,
  unwrapDigest,
} from '@countersign/contracts'
import { sectionsOf } from '../sections-of.ts'

/** Finds a key by its id; undefined for one that was erased. */
export type FindKey = (id: string) => SubjectKey | undefined

/** What stands where there is a key, and it does not open what was sealed: verify the log. */
export const unreadableMark = '[unreadable]'

/**
 * Opens what was encrypted in a sealed record. Where the key is gone stands `"[erased]"`; a digest whose key is gone stays wrapped.
 * What is returned is for showing: it is not what the leaf hash is of.
 */
export function openSealed(sealed: SealedRecord, find: FindKey): SealedRecord {
  const record = openRecord(sealed.record, find)
  return record === sealed.record ? sealed : { ...sealed, record }
}

function openRecord(record: AuditRecord, find: FindKey): AuditRecord {
  // Earlier versions have nothing encrypted.
  if (record.version === 2 || !record.encrypted) return record
  const cloudEvent = structuredClone(record.cloudEvent)
  // What was encrypted last lies outermost.
  for (const { path, digest } of record.encrypted.toReversed()) {
    const place = placeOf(cloudEvent, path)
    const text = place?.holder[place.key]
    // Inside something that was erased there is nothing more to open.
    if (!place || typeof text !== 'string') continue
    const key = find(keyIdOf(text) ?? '')
    if (key) place.holder[place.key] = opened(record, key, path, text, digest)
    else if (digest !== undefined) place.holder[place.key] = erasedMark
  }
  return { ...record, ...sectionsOf(record.event, cloudEvent), cloudEvent }
}

function opened(
  { tenant, stream, callId = '' }: AuditRecordV3,
  key: SubjectKey,
  path: string,
  text: string,
  digest: string | undefined,
): Json {
  try {
    return digest === undefined
      ? unwrapDigest(key, callId, text)
      : decryptValue(key, { tenant, stream, path }, { jwe: text, digest })
  } catch {
    return unreadableMark
  }
}

/** What holds the member that a JSON Pointer (RFC 6901) names, and its key. */
function placeOf(value: Json, pointer: string): { holder: Record<string, Json>; key: string } | undefined {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const key = steps.pop()
  let holder: Json | undefined = value
  for (const step of steps) {
    holder = typeof holder === 'object' && holder !== null ? (holder as Record<string, Json>)[step] : undefined
  }
  return key !== undefined && typeof holder === 'object' && holder !== null
    ? { holder: holder as Record<string, Json>, key }
    : undefined
}

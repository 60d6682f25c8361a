import { isTold, type JsonObject } from '@countersign/contracts'
import type { ExportedRecord } from '../open-entry.ts'

/** The event that a record is of; undefined where it is told without: as `cloudEvent: {}`. */
export function eventOf({ sealed: { record } }: ExportedRecord): JsonObject | undefined {
  return isTold(record) ? record.cloudEvent : undefined
}

/** A record without its event, for a target that takes only what is short: who, what, decision and outcome stay. */
export function withoutContent(exported: ExportedRecord): ExportedRecord {
  const { sealed } = exported
  const told = { ...sealed, record: { ...sealed.record, cloudEvent: {} } }
  return { ...exported, sealed: told, text: JSON.stringify(told) }
}

/**
 * Tells a record, without its content where that would be longer than a target takes.
 *
 * @param maxBytes of what is told; undefined for all of it, however long
 */
export function fitted(
  record: ExportedRecord,
  maxBytes: number | undefined,
  tell: (record: ExportedRecord) => string,
): string {
  if (maxBytes === undefined) return tell(record)
  // No form of a record is shorter than the record.
  const whole = record.text.length <= maxBytes ? tell(record) : undefined
  return whole !== undefined && Buffer.byteLength(whole) <= maxBytes ? whole : tell(withoutContent(record))
}

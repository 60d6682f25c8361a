import { type FindKey, openEvent, type SealedRecord } from '@countersign/contracts'
import { sectionsOf } from '../sections-of.ts'

/**
 * Opens what was encrypted in a sealed record. What is returned is for showing: it is not what the leaf hash is of.
 *
 * @param find finds keys; what was encrypted with one that is gone reads `"[erased]"`
 */
export function openSealed(sealed: SealedRecord, find: FindKey): SealedRecord {
  const { record } = sealed
  if (record.version === 2 || !record.encrypted) return sealed
  const { cloudEvent } = openEvent(record, find)
  return { ...sealed, record: { ...record, ...sectionsOf(record.event, cloudEvent), cloudEvent } }
}

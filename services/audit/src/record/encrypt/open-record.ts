import { type FindKey, openEvent, type Opening, type SealedRecord } from '@countersign/contracts'
import { sectionsOf } from '../sections-of.ts'

/** Says what becomes of the places of an event, by its name. */
export type OpeningOf = (event: string, path: string) => Opening

/**
 * Opens what was encrypted in a sealed record. What is returned is for showing: it is not what the leaf hash is of.
 *
 * @param find finds keys; what was encrypted with one that is gone reads `"[erased]"`
 * @param openingOf all places are opened where it is left out
 */
export function openSealed(sealed: SealedRecord, find: FindKey, openingOf?: OpeningOf): SealedRecord {
  const { record } = sealed
  if (record.version === 2 || !record.encrypted) return sealed
  const { cloudEvent } = openEvent(record, find, openingOf && ((path) => openingOf(record.event, path)))
  return { ...sealed, record: { ...record, ...sectionsOf(record.event, cloudEvent), cloudEvent } }
}

import { type FindKey, openEvent, type SealedRecord } from '@countersign/contracts'
import { sectionsOf } from '../sections-of.ts'

/** Says which places of an event, by its name, are to be opened. */
export type Wanted = (event: string, path: string) => boolean

/**
 * Opens what was encrypted in a sealed record. What is returned is for showing: it is not what the leaf hash is of.
 *
 * @param find finds keys; what was encrypted with one that is gone reads `"[erased]"`
 * @param wanted all places are opened where it is left out
 */
export function openSealed(sealed: SealedRecord, find: FindKey, wanted?: Wanted): SealedRecord {
  const { record } = sealed
  if (record.version === 2 || !record.encrypted) return sealed
  const { cloudEvent } = openEvent(record, find, wanted && ((path) => wanted(record.event, path)))
  return { ...sealed, record: { ...record, ...sectionsOf(record.event, cloudEvent), cloudEvent } }
}

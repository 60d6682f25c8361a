import { type FindKey, isTold, openEvent, type Opening, type SealedRecord } from '@countersign/contracts'
import { activitySectionsOf } from '../activity-sections-of.ts'
import { sectionsOf } from '../sections-of.ts'

/** Says what becomes of the places of an event, by its name. */
export type OpeningOf = (event: string, path: string) => Opening

/**
 * Opens what was encrypted in a sealed record. What is returned is for showing: it is not what the leaf hash is of. A record that is told
 * without its event stays as it is.
 *
 * @param find finds keys; what was encrypted with one that is gone reads `"[erased]"`
 * @param openingOf all places are opened where it is left out
 */
export function openSealed(sealed: SealedRecord, find: FindKey, openingOf?: OpeningOf): SealedRecord {
  const { record } = sealed
  if (record.version === 2 || !record.encrypted || !isTold(record)) return sealed
  const { cloudEvent } = openEvent(record, find, openingOf && ((path) => openingOf(record.event, path)))
  const sections = record.kind === 'call' ? sectionsOf : activitySectionsOf
  return { ...sealed, record: { ...record, ...sections(record.event, cloudEvent), cloudEvent } }
}

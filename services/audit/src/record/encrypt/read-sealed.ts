import type { SealedRecord } from '@countersign/contracts'
import type { SubjectKeys } from '@countersign/subject-keys'
import { openSealed, type OpeningOf } from './open-record.ts'

/**
 * Reads an entry of the log, and opens what was encrypted in it. Whatever shows or indexes a record reads it here.
 *
 * @param openingOf all of it is opened where it is left out
 */
export function readSealed(text: string, keys?: Pick<SubjectKeys, 'find'>, openingOf?: OpeningOf): SealedRecord {
  const sealed = JSON.parse(text) as SealedRecord
  return keys ? openSealed(sealed, (id) => keys.find(id), openingOf) : sealed
}

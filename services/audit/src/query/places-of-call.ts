import { CountersignError } from '@countersign/contracts'
import type { EntryPlace } from '@countersign/tlog'
import type { IndexedLog } from '../index/log-index.ts'
import { ask, type Deadline } from './ask.ts'

/** Where the records of a call are, the oldest first, as far as the log is indexed. */
export function recordsOfCall(
  { database, log, indexed }: IndexedLog,
  callId: string,
  deadline: Deadline,
): Promise<EntryPlace[]> {
  return database
    .selectFrom('records')
    .select(['index', 'byte_at as offset', 'byte_length as bytes'])
    .where('log', '=', log)
    .where('call_id', '=', callId)
    .where('index', '<', indexed)
    .orderBy('index')
    .execute(deadline)
}

/**
 * Finds where the records of a call are, all of them.
 *
 * @throws CountersignError `service_unavailable` while records are not indexed that could be of the call
 */
export async function placesOfCall(index: IndexedLog, callId: string): Promise<number[]> {
  const { size, indexed } = index
  if (indexed < size) {
    throw new CountersignError(
      'service_unavailable',
      `${size - indexed} records of the audit log are not indexed yet, and could be of this call; ask again later`,
    )
  }
  const places = await ask((deadline) => recordsOfCall(index, callId, deadline))
  return places.map(({ index }) => index)
}

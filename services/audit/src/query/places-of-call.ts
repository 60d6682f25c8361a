import { CountersignError } from '@countersign/contracts'
import type { IndexedLog } from '../index/log-index.ts'
import { ask } from './ask.ts'

/**
 * Finds where the records of a call are, all of them.
 *
 * @throws CountersignError `service_unavailable` while records are not indexed that could be of the call
 */
export async function placesOfCall({ database, log, size, indexed }: IndexedLog, callId: string): Promise<number[]> {
  if (indexed < size) {
    throw new CountersignError(
      'service_unavailable',
      `${size - indexed} records of the audit log are not indexed yet, and could be of this call; ask again later`,
    )
  }
  const rows = await ask((deadline) =>
    database
      .selectFrom('records')
      .select('index')
      .where('log', '=', log)
      .where('call_id', '=', callId)
      .orderBy('index')
      .execute(deadline),
  )
  return rows.map(({ index }) => index)
}

import { CountersignError } from '@countersign/contracts'
import type { AbortableQueryOptions } from 'kysely'
import { queryTimeoutMs, TooSlow } from '../index/index-database.ts'

/** SQLSTATE of a statement that ran into its timeout. */
const queryCanceled = '57014'

/** What each statement of a query is executed with, so that all of them together end in time. */
export type Deadline = Pick<AbortableQueryOptions, 'signal'>

/**
 * Asks the index, with one deadline for all statements of the query: after it none begins and none is waited for. One that runs then
 * ends at the limit that the database has for each.
 *
 * @throws CountersignError `query_too_slow` for what was stopped, `service_unavailable` when the database does not answer
 */
export async function ask<T>(query: (deadline: Deadline) => Promise<T>, withinMs = queryTimeoutMs): Promise<T> {
  const signal = AbortSignal.timeout(withinMs)
  try {
    return await query({ signal })
  } catch (error) {
    if (error instanceof CountersignError) throw error
    if (signal.aborted || error instanceof TooSlow || (error as { code?: unknown }).code === queryCanceled) {
      throw new CountersignError(
        'query_too_slow',
        'the query took too long and was stopped; name a shorter time (since, until), or add a filter',
        { cause: error },
      )
    }
    throw new CountersignError(
      'service_unavailable',
      `the index of the audit log did not answer (${(error as Error).message}); the log itself goes on. Ask again later`,
      { cause: error },
    )
  }
}

import { CountersignError } from '@countersign/contracts'
import { TooSlow } from '../index/index-database.ts'

/** SQLSTATE of a statement that ran into its timeout. */
const queryCanceled = '57014'

/**
 * Asks the index.
 *
 * @throws CountersignError `query_too_slow` for what was stopped, `service_unavailable` when the database does not answer
 */
export async function ask<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query()
  } catch (error) {
    if (error instanceof CountersignError) throw error
    if (error instanceof TooSlow || (error as { code?: unknown }).code === queryCanceled) {
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

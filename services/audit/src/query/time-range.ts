import type { AuditFilter } from '@countersign/contracts'
import type { Deadline } from './ask.ts'
import { blockSize, type Database } from '../index/schema.ts'

/**
 * The part of a log that holds everything stored in a time, as indexes: from the first (inclusive) to the last (exclusive). It may
 * hold other records too.
 */
export async function timeRange(
  database: Database,
  log: number,
  { since, until }: Pick<AuditFilter, 'since' | 'until'>,
  deadline: Deadline,
): Promise<{ from: number; to: number }> {
  let query = database
    .selectFrom('blocks')
    .select(({ fn }) => [fn.min('block').as('first'), fn.max('block').as('last')])
    .where('log', '=', log)
  if (since !== undefined) query = query.where('to_at', '>=', new Date(since))
  if (until !== undefined) query = query.where('from_at', '<=', new Date(until))
  const { first, last } = await query.executeTakeFirstOrThrow(deadline)
  if (first === null || last === null) return { from: 0, to: 0 }
  return { from: first * blockSize, to: (last + 1) * blockSize }
}

import type { AuditQuery } from '@countersign/contracts'
import type { IndexedLog } from '../index/log-index.ts'
import type { Deadline } from './ask.ts'
import { timeRange } from './time-range.ts'

/**
 * Where in the log a page is looked for: from an index (inclusive) to another (exclusive), and how much of the log the answer is
 * about. What was sealed since the first page is left out of the next, so that none is shown twice and none is missed.
 */
export async function pageOf(
  { database, log, indexed }: IndexedLog,
  { since, until, before, size }: AuditQuery,
  deadline: Deadline,
): Promise<{ from: number; to: number; indexed: number }> {
  const end = Math.min(indexed, size ?? indexed)
  const within =
    since === undefined && until === undefined
      ? { from: 0, to: end }
      : await timeRange(database, log, { since, until }, deadline)
  return { from: within.from, to: Math.min(within.to, end, before ?? end), indexed: end }
}

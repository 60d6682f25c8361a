import { bucketSeconds, type CountAnswer, type CountQuery, CountersignError, maxBuckets } from '@countersign/contracts'
import { type Kysely, sql } from 'kysely'
import type { IndexedLog } from '../index/log-index.ts'
import type { Database, Tables } from '../index/schema.ts'
import { hourMs } from '../index/tally-calls.ts'
import { ask, type Deadline } from './ask.ts'
import { countsAll, matching, type NamedFilter, type OfSubject, withRuleNames } from './matching.ts'
import { timeRange } from './time-range.ts'
import { type Span, wholeSpans } from './whole-spans.ts'

/**
 * Counts calls or records in buckets of time.
 *
 * @throws CountersignError `invalid_params` for a time that ends before it begins or has too many buckets
 */
export async function countOverTime(index: IndexedLog, query: CountQuery): Promise<CountAnswer> {
  const seconds = bucketSeconds[query.bucket]
  const [sinceMs, untilMs] = [Date.parse(query.since), Date.parse(query.until)]
  if (untilMs <= sinceMs) throw new CountersignError('invalid_params', 'until must be after since')
  const [first, last] = [Math.floor(sinceMs / 1000 / seconds), Math.ceil(untilMs / 1000 / seconds)]
  if (last - first > maxBuckets) {
    throw new CountersignError(
      'invalid_params',
      `that would be ${last - first} buckets of ${query.bucket}, and ${maxBuckets} is the most; name a shorter time or a longer bucket`,
    )
  }
  const rows = await ask(async (deadline) => {
    const named = await withRuleNames(index.database, index.log, query, deadline)
    return query.of === 'calls' ? callCounts(index, named, deadline) : recordCounts(index, named, deadline)
  })
  const buckets = Array.from({ length: last - first }, (_, place) => ({
    at: new Date((first + place) * seconds * 1000).toISOString(),
    total: 0,
    by: {} as Record<string, number>,
  }))
  let total = 0
  for (const { bucket, name, count } of rows) {
    const target = buckets[bucket - first]
    if (!target) continue
    target.by[name] = (target.by[name] ?? 0) + count
    target.total += count
    total += count
  }
  return { total, buckets, size: index.size, indexed: index.indexed }
}

interface Counted {
  bucket: number
  name: string
  count: number
}

/** The number of the bucket that a time is in. */
const bucketOf = (column: string, seconds: number) =>
  sql<number>`floor(extract(epoch from ${sql.ref(column)}) / ${sql.lit(seconds)})::bigint`
const countAll = sql<number>`count(*)::bigint`

/**
 * Counts calls. Where all calls are counted, whole hours are added up from what is kept of each hour, and only what is left at the edges
 * is counted one by one.
 */
async function callCounts(
  { database, log }: IndexedLog,
  query: CountQuery & NamedFilter,
  deadline: Deadline,
): Promise<Counted[]> {
  const seconds = bucketSeconds[query.bucket]
  const { whole, edges } = wholeSpans(query, hourMs)
  const single = (span: Span) => callsOf(database, log, query, span)
  if (!whole || seconds * 1000 < hourMs || !countsAll(query)) {
    return single({ fromMs: Date.parse(query.since), toMs: Date.parse(query.until) }).execute(deadline)
  }
  const hours = database
    .selectFrom('calls_by_hour')
    .select([bucketOf('hour', seconds).as('bucket'), 'state as name', sql<number>`sum(calls)::bigint`.as('count')])
    .where('log', '=', log)
    .where('hour', '>=', new Date(whole.fromMs))
    .where('hour', '<', new Date(whole.toMs))
    // Of calls that went on, a row of none is left.
    .where('calls', '>', 0)
    .groupBy(['bucket', 'name'])
  // One statement: a call that goes on meanwhile is counted once.
  return edges.reduce((all, edge) => all.unionAll(single(edge) as never), hours).execute(deadline)
}

function callsOf(database: Database, log: number, query: CountQuery & NamedFilter, { fromMs, toMs }: Span) {
  const { outcome, bucket } = query
  return (database as unknown as Kysely<OfSubject & { it: Tables['calls'] }>)
    .selectFrom('calls as it' as 'it')
    .select([bucketOf('it.began_at', bucketSeconds[bucket]).as('bucket'), 'it.state as name', countAll.as('count')])
    .where(matching(log, query) as never)
    .where('it.began_at', '>=', new Date(fromMs))
    .where('it.began_at', '<', new Date(toMs))
    .$if(outcome !== undefined, (calls) => calls.where(passed(log, outcome!)))
    .groupBy(['bucket', 'name'])
}

/** True for a call that has an event of a name. */
export function passed(log: number, outcome: string) {
  return sql<boolean>`exists (select 1 from records where records.log = ${log} and records.call_id = it.call_id
    and records.event = ${outcome})`
}

async function recordCounts(
  { database, log, indexed }: IndexedLog,
  query: CountQuery & NamedFilter,
  deadline: Deadline,
): Promise<Counted[]> {
  const { from, to } = await timeRange(database, log, query, deadline)
  const { outcome } = query
  return (database as unknown as Kysely<OfSubject & { it: Tables['records'] }>)
    .selectFrom('records as it' as 'it')
    .select([
      bucketOf('it.stored_at', bucketSeconds[query.bucket]).as('bucket'),
      'it.event as name',
      countAll.as('count'),
    ])
    .where(matching(log, query) as never)
    .where('it.index', '>=', from)
    .where('it.index', '<', Math.min(to, indexed))
    .where('it.stored_at', '>=', new Date(query.since))
    .where('it.stored_at', '<', new Date(query.until))
    .$if(outcome !== undefined, (records) => records.where('it.event', '=', outcome!))
    .groupBy(['bucket', 'name'])
    .execute(deadline)
}

import type { TopAnswer, TopQuery } from '@countersign/contracts'
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import type { IndexedLog } from '../index/log-index.ts'
import type { DayField, MarkKind, Tables } from '../index/schema.ts'
import { dayMs, hourMs } from '../index/tally-calls.ts'
import { ask, type Deadline } from './ask.ts'
import { passed } from './count-over-time.ts'
import { countsAll, matching, type NamedFilter, type OfSubject, withRuleNames } from './matching.ts'
import { type Span, spanOf, wholeSpans } from './whole-spans.ts'

type NamedQuery = TopQuery & NamedFilter
type OfCalls = OfSubject & { it: Tables['calls']; mark: Tables['marks'] }

/** Lists the values that most calls have, of the calls that match. */
export async function listTop(index: IndexedLog, query: TopQuery): Promise<TopAnswer> {
  const rows = await ask(async (deadline) =>
    topOf(index, await withRuleNames(index.database, index.log, query, deadline), deadline),
  )
  const top = rows.map(({ value, server, calls }) => ({ value, ...(server === '' ? {} : { server }), calls }))
  return { top, size: index.size, indexed: index.indexed }
}

interface Row {
  value: string
  /** Of a tool; else empty. */
  server: string
  calls: number
}

/** A query whose rows are of some of the calls. */
type Part = SelectQueryBuilder<Tables, 'calls', Row>

/**
 * Adds up the parts in one statement, so that a call that goes on meanwhile is counted once. Where all calls are counted, whole days or
 * hours are there already, and only what is left at the edges is counted one by one.
 */
function topOf(index: IndexedLog, query: NamedQuery, deadline: Deadline): Promise<Row[]> {
  const { by } = query
  const { whole, edges } = wholeSpans(query, isOfHour(by) ? hourMs : dayMs)
  const counted = (span: Span) => (isMark(by) ? ofMarks(index, query, by, span) : ofColumn(index, query, by, span))
  const parts =
    whole && countsAll(query)
      ? [isOfHour(by) ? ofHours(index, by, whole) : ofDays(index, by, whole), ...edges.map(counted)]
      : [counted(spanOf(query))]
  const all = (parts as unknown as Part[]).reduce((some, part) => some.unionAll(part))
  return index.database
    .selectFrom(all.as('part'))
    .select(['value', 'server', sql<number>`sum(calls)::bigint`.as('calls')])
    .groupBy(['value', 'server'])
    .orderBy('calls', 'desc')
    .orderBy('value')
    .limit(query.limit)
    .execute(deadline)
}

function isMark(by: TopQuery['by']): by is MarkKind {
  return by === 'rule' || by === 'approver' || by === 'agent'
}

type HourField = 'state' | 'code'

function isOfHour(by: TopQuery['by']): by is HourField {
  return by === 'state' || by === 'code'
}

const noServer = sql<string>`''`.as('server')
const countAll = sql<number>`count(*)::bigint`.as('calls')
const countKept = sql<number>`sum(calls)::bigint`.as('calls')

function ofHours({ database, log }: IndexedLog, by: HourField, { fromMs, toMs }: Span) {
  return database
    .selectFrom('calls_by_hour')
    .select([`${by} as value`, noServer, countKept])
    .where('log', '=', log)
    .where('hour', '>=', new Date(fromMs))
    .where('hour', '<', new Date(toMs))
    .where('calls', '>', 0)
    .where(by, '<>', '')
    .groupBy(by)
}

/** Calls of a server are those of its tools. */
function ofDays({ database, log }: IndexedLog, by: DayField | 'server', { fromMs, toMs }: Span) {
  const [value, server] =
    by === 'server' ? [sql.ref<string>('server').as('value'), noServer] : ['value' as const, 'server' as const]
  return database
    .selectFrom('calls_by_day')
    .select([value, server, countKept])
    .where('log', '=', log)
    .where('by', '=', by === 'server' ? 'tool' : by)
    .where('day', '>=', new Date(fromMs))
    .where('day', '<', new Date(toMs))
    .where('calls', '>', 0)
    .groupBy(by === 'server' ? ['server'] : ['value', 'server'])
}

function ofColumn(index: IndexedLog, query: NamedQuery, by: Exclude<TopQuery['by'], MarkKind>, span: Span) {
  const column = `it.${by}` as const
  const server = by === 'tool' ? sql<string>`it.server`.as('server') : noServer
  return matchingCalls(index, query, span)
    .select([sql<string>`${sql.ref(column)}`.as('value'), server, countAll])
    .where(column, 'is not', null)
    .groupBy(by === 'tool' ? [column, 'it.server'] : [column])
}

function ofMarks(index: IndexedLog, query: NamedQuery, kind: MarkKind, span: Span) {
  return matchingCalls(index, query, span)
    .innerJoin('marks as mark' as 'mark', (join) =>
      join.onRef('mark.log', '=', 'it.log').onRef('mark.call_id', '=', 'it.call_id').on('mark.kind', '=', kind),
    )
    .select(['mark.value as value', noServer, countAll])
    .groupBy('mark.value')
}

function matchingCalls({ database, log }: IndexedLog, query: NamedQuery, { fromMs, toMs }: Span) {
  const { outcome } = query
  return (database as unknown as Kysely<OfCalls>)
    .selectFrom('calls as it' as 'it')
    .where(matching(log, query) as never)
    .where('it.began_at', '>=', new Date(fromMs))
    .where('it.began_at', '<', new Date(toMs))
    .$if(outcome !== undefined, (calls) => calls.where(passed(log, outcome!)))
}

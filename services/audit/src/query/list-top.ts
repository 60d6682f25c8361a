import type { TopAnswer, TopQuery } from '@countersign/contracts'
import { type Kysely, sql } from 'kysely'
import type { IndexedLog } from '../index/log-index.ts'
import type { MarkKind, Tables } from '../index/schema.ts'
import { ask } from './ask.ts'
import { passed } from './count-over-time.ts'
import { matching, type OfSubject } from './matching.ts'

type OfCalls = OfSubject & { it: Tables['calls']; mark: Tables['marks'] }

/** Lists the values that most calls have, of the calls that match. */
export async function listTop(index: IndexedLog, query: TopQuery): Promise<TopAnswer> {
  const rows = await ask(() =>
    isMark(query.by) ? topMarks(index, query, query.by) : topColumn(index, query, query.by),
  )
  const top = rows.map(({ value, server, calls }) => ({ value, ...(server === null ? {} : { server }), calls }))
  return { top, size: index.size, indexed: index.indexed }
}

interface Row {
  value: string
  server: string | null
  calls: number
}

function isMark(by: TopQuery['by']): by is MarkKind {
  return by === 'rule' || by === 'approver' || by === 'agent'
}

const countAll = sql<number>`count(*)::bigint`

function topColumn(index: IndexedLog, query: TopQuery, by: Exclude<TopQuery['by'], MarkKind>): Promise<Row[]> {
  const column = `it.${by}` as const
  const server = by === 'tool' ? sql<string | null>`it.server` : sql<string | null>`null`
  return matchingCalls(index, query)
    .select([sql<string>`${sql.ref(column)}`.as('value'), server.as('server'), countAll.as('calls')])
    .where(column, 'is not', null)
    .groupBy(by === 'tool' ? [column, 'it.server'] : [column])
    .orderBy('calls', 'desc')
    .orderBy('value')
    .limit(query.limit)
    .execute()
}

function topMarks(index: IndexedLog, query: TopQuery, kind: MarkKind): Promise<Row[]> {
  return (
    matchingCalls(index, query)
      .innerJoin('marks as mark' as 'mark', (join) =>
        join.onRef('mark.log', '=', 'it.log').onRef('mark.call_id', '=', 'it.call_id').on('mark.kind', '=', kind),
      )
      .select(['mark.value as value', sql<string | null>`null`.as('server'), countAll.as('calls')])
      // A rule is there by its full name and by its own.
      .$if(kind === 'rule', (marks) => marks.where('mark.value', 'like', '%/%'))
      .groupBy('mark.value')
      .orderBy('calls', 'desc')
      .orderBy('value')
      .limit(query.limit)
      .execute()
  )
}

function matchingCalls({ database, log }: IndexedLog, query: TopQuery) {
  const { since, until, outcome } = query
  return (database as unknown as Kysely<OfCalls>)
    .selectFrom('calls as it' as 'it')
    .where(matching(log, query) as never)
    .$if(since !== undefined, (calls) => calls.where('it.began_at', '>=', new Date(since!)))
    .$if(until !== undefined, (calls) => calls.where('it.began_at', '<', new Date(until!)))
    .$if(outcome !== undefined, (calls) => calls.where(passed(log, outcome!)))
}

import { type AuditQuery, callRow, type CallView, type Coverage } from '@countersign/contracts'
import { type Kysely, sql } from 'kysely'
import type { IndexedLog } from '../index/log-index.ts'
import type { Tables } from '../index/schema.ts'
import { ask, type Deadline } from './ask.ts'
import { fewCalls } from './few-calls.ts'
import { matching, type OfSubject, withRuleNames } from './matching.ts'
import { pageOf } from './page.ts'

/** What is looked for of calls. */
export type CallQuery = AuditQuery & { state?: string | undefined }

/** Columns of what is told of a call. */
const shown = [
  ...(['call_id', 'server', 'tool', 'principal', 'digest', 'state'] as const),
  ...(['code', 'requested_at', 'updated_at'] as const),
] as const

type Joined = OfSubject & { it: Tables['records']; call: Tables['calls']; newer: Tables['records'] }

/** Finds calls, newest first: each at the place of its newest event or, with `outcome`, of the newest event of that name. */
export async function findCalls(
  index: IndexedLog,
  query: CallQuery,
): Promise<{ calls: CallView[]; next: number | null } & Coverage> {
  const { size } = index
  const { rows, indexed } = await ask((deadline) => rowsOf(index, query, deadline))
  const page = rows.slice(0, query.limit)
  const calls = page.map((row) => viewOf(query.tenant, row))
  return { calls, next: rows.length > page.length ? page.at(-1)!.index : null, size, indexed }
}

/** One call as it stands; undefined where the log has none by that id. */
export async function findCall(
  { database, log }: IndexedLog,
  { tenant, callId }: { tenant: string; callId: string },
  deadline: Deadline,
): Promise<CallView | undefined> {
  const row = await database
    .selectFrom('calls')
    .select(shown)
    .where('log', '=', log)
    .where('call_id', '=', callId)
    .executeTakeFirst(deadline)
  return row && viewOf(tenant, row)
}

function viewOf(tenant: string, row: Pick<Tables['calls'], (typeof shown)[number]>): CallView {
  const { call_id: callId, server, tool, principal, digest, state } = row
  return callRow(
    { callId, tenant, server, tool, principal, digest },
    {
      state,
      updatedAt: row.updated_at.toISOString(),
      code: row.code ?? undefined,
      requestedAt: row.requested_at?.toISOString(),
    },
  )
}

async function rowsOf(index: IndexedLog, query: CallQuery, deadline: Deadline) {
  const { database, log } = index
  const { from, to, indexed } = await pageOf(index, query, deadline)
  const filter = await withRuleNames(database, log, query, deadline)
  const few = await fewCalls(database, log, filter, deadline)
  const { outcome, state, since, until } = query
  let found = (database as unknown as Kysely<Joined>)
    .selectFrom('records as it' as 'it')
    .innerJoin('calls as call' as 'call', (join) =>
      join.onRef('call.log', '=', 'it.log').onRef('call.call_id', '=', 'it.call_id'),
    )
    .select(['it.index', ...shown.map((column) => `call.${column}` as const)])
    .where(matching(log, filter, few) as never)
    .where('it.index', '>=', from)
    .where('it.index', '<', to)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('records as newer' as 'newer')
            .select(sql.lit(1).as('one'))
            .where('newer.log', '=', log)
            .whereRef('newer.call_id', '=', 'it.call_id')
            .whereRef('newer.index', '>', 'it.index')
            .where('newer.index', '<', indexed)
            .$if(outcome !== undefined, (newer) => newer.where('newer.event', '=', outcome!)),
        ),
      ),
    )
  if (outcome !== undefined) found = found.where('it.event', '=', outcome)
  if (state !== undefined) found = found.where('call.state', '=', state)
  // Then the newest event is of that name, and there is an index for it.
  if (state !== undefined && outcome === undefined) found = found.where('it.event', '=', state)
  if (since !== undefined) found = found.where('it.stored_at', '>=', new Date(since))
  if (until !== undefined) found = found.where('it.stored_at', '<=', new Date(until))
  const rows = await found
    .orderBy('it.index', 'desc')
    .limit(query.limit + 1)
    .execute(deadline)
  return { rows, indexed }
}

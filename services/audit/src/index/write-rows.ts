import { sql, type Transaction } from 'kysely'
import type { CallFacts, IndexRow } from './row-of.ts'
import { blockSize, type Database, type Tables } from './schema.ts'

/** A part of a tenant's log to put into the index: it follows what is there. */
export interface Part {
  log: number
  from: number
  to: number
  /** Of the last record in it. */
  leafHash: string
}

/** Thrown when the index is not where it was thought to be: somebody else wrote to it, or it was dropped. */
export class IndexMoved extends Error {
  override name = 'IndexMoved'
}

/**
 * Writes the rows of a part of the log, and that the index reaches to its end, in one transaction.
 *
 * @throws IndexMoved when the index does not end where the part begins
 */
export async function writeRows(database: Database, part: Part, rows: readonly IndexRow[]): Promise<void> {
  const { log, from, to, leafHash } = part
  await database.transaction().execute(async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable('logs')
      .set({ indexed: to, leaf_hash: leafHash })
      .where('id', '=', log)
      .where('indexed', '=', from)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new IndexMoved(`the index of log ${log} does not end at record ${from} any more`)
    await writeRecords(transaction, log, rows)
    await writeBlocks(transaction, log, rows)
    await writeCalls(transaction, log, rows)
  })
}

type Writing = Transaction<Tables>

/** One parameter instead of one a value: Postgres takes 65,535 of them, and reads JSON faster. */
async function writeRecords(transaction: Writing, log: number, rows: readonly IndexRow[]): Promise<void> {
  const records = rows.map(({ call: _call, ...columns }) => columns)
  await sql`
    insert into records (log, index, stored_at, event, call_id, server, tool, principal)
    select ${log}::integer, each.* from jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
      as each (index bigint, stored_at timestamptz, event text, call_id uuid, server text, tool text, principal text)
  `.execute(transaction)
}

async function writeBlocks(transaction: Writing, log: number, rows: readonly IndexRow[]): Promise<void> {
  const groups = Map.groupBy(rows, ({ index }) => Math.floor(index / blockSize))
  const blocks = [...groups].map(([block, within]) => {
    const times = within.map(({ stored_at }) => stored_at).toSorted()
    return { block, from_at: times[0], to_at: times.at(-1) }
  })
  await sql`
    insert into blocks (log, block, from_at, to_at)
    select ${log}::integer, each.* from jsonb_to_recordset(${JSON.stringify(blocks)}::jsonb)
      as each (block bigint, from_at timestamptz, to_at timestamptz)
    on conflict (log, block) do update
      set from_at = least(blocks.from_at, excluded.from_at), to_at = greatest(blocks.to_at, excluded.to_at)
  `.execute(transaction)
}

/** The rows of a batch that are of one call are one change of it. */
async function writeCalls(transaction: Writing, log: number, rows: readonly IndexRow[]): Promise<void> {
  const ofCalls = rows.filter((row): row is IndexRow & { call: CallFacts } => row.call !== undefined)
  const groups = [...Map.groupBy(ofCalls, ({ call_id }) => call_id)]
  if (groups.length === 0) return
  const calls = groups.map(([call_id, events]) => {
    const [first, last] = [events[0]!, events.at(-1)!]
    const { server, tool, principal, call, stored_at: began_at } = first
    return {
      ...{ call_id, server, tool, principal, began_at, method: call.method, digest: call.digest },
      trace_id: events.find((event) => event.call.traceId !== null)?.call.traceId ?? null,
      state: last.event,
      code: last.call.code,
      requested_at: events.find(({ event }) => event === 'requested')?.stored_at ?? null,
      updated_at: last.stored_at,
    }
  })
  await sql`
    insert into calls (log, call_id, server, tool, principal, method, digest, trace_id, state, code, requested_at, began_at, updated_at)
    select ${log}::integer, each.* from jsonb_to_recordset(${JSON.stringify(calls)}::jsonb)
      as each (call_id uuid, server text, tool text, principal text, method text, digest text, trace_id text, state text, code text,
        requested_at timestamptz, began_at timestamptz, updated_at timestamptz)
    on conflict (log, call_id) do update
      set state = excluded.state, code = excluded.code, updated_at = excluded.updated_at,
        trace_id = coalesce(calls.trace_id, excluded.trace_id), requested_at = coalesce(calls.requested_at, excluded.requested_at)
  `.execute(transaction)
  const marks = ofCalls.flatMap(({ call_id, call }) => call.marks.map((mark) => ({ ...mark, call_id })))
  await sql`
    insert into marks (log, kind, value, call_id)
    select ${log}::integer, each.* from jsonb_to_recordset(${JSON.stringify(marks)}::jsonb) as each (kind text, value text, call_id uuid)
    on conflict do nothing
  `.execute(transaction)
  await writeWords(transaction, log, ofCalls)
}

/** Writes the words of the arguments of calls, once a call. */
export async function writeWords(
  database: Database,
  log: number,
  rows: readonly (IndexRow & { call: CallFacts })[],
): Promise<void> {
  const words = rows.flatMap(({ call_id, principal, call }) =>
    call.words.length === 0 ? [] : [{ call_id, principal, words: call.words }],
  )
  if (words.length === 0) return
  await sql`
    insert into argument_words (log, call_id, principal, words)
    select ${log}::integer, each.call_id, each.principal, array_to_tsvector(each.words)
    from jsonb_to_recordset(${JSON.stringify(words)}::jsonb) as each (call_id uuid, principal text, words text[])
    on conflict do nothing
  `.execute(database)
}

import { sql, type SqlBool, type Transaction } from 'kysely'
import { insertRows } from './insert-rows.ts'
import type { CallFacts, IndexRow } from './row-of.ts'
import { blockSize, type Database, type Tables } from './schema.ts'
import { type CallChange, tallyCalls } from './tally-calls.ts'

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

const recordTypes = {
  ...{ byte_at: 'integer', index: 'bigint', stored_at: 'timestamptz', byte_length: 'integer', event: 'text' },
  ...{ call_id: 'uuid', server: 'text', tool: 'text', principal: 'text' },
}
const blockTypes = { block: 'bigint', from_at: 'timestamptz', to_at: 'timestamptz' }
const callTypes = {
  ...{
    call_id: 'uuid',
    server: 'text',
    tool: 'text',
    principal: 'text',
    method: 'text',
    digest: 'text',
    trace_id: 'text',
  },
  ...{ state: 'text', code: 'text', requested_at: 'timestamptz', began_at: 'timestamptz', updated_at: 'timestamptz' },
}
const markTypes = { kind: 'text', value: 'text', call_id: 'uuid' }

async function writeRecords(transaction: Writing, log: number, rows: readonly IndexRow[]): Promise<void> {
  await insertRows('records', log, rows, recordTypes).execute(transaction)
}

async function writeBlocks(transaction: Writing, log: number, rows: readonly IndexRow[]): Promise<void> {
  const groups = Map.groupBy(rows, ({ index }) => Math.floor(index / blockSize))
  const blocks = [...groups].map(([block, within]) => {
    const times = within.map(({ stored_at }) => stored_at).toSorted()
    return { block, from_at: times[0], to_at: times.at(-1) }
  })
  await sql`${insertRows('blocks', log, blocks, blockTypes)}
    on conflict (log, block) do update
      set from_at = least(known.from_at, excluded.from_at), to_at = greatest(known.to_at, excluded.to_at)
  `.execute(transaction)
}

/** A row that is of a call, and what it says of it. */
type CallEvent = IndexRow & { call: CallFacts }

/** What a call has from its beginning on. */
const ofBeginning = ['server', 'tool', 'method', 'digest', 'requested_at', 'began_at'] as const

/** One of two columns or expressions: for a call that begins among what is written, and for one that goes on. */
const begunAnew = (yes: string, no: string) =>
  sql.raw(`case when excluded.requested_at is null then ${no} else ${yes} end`)

/** The rows of a batch that are of one call are one change of it. */
async function writeCalls(transaction: Writing, log: number, rows: readonly IndexRow[]): Promise<void> {
  const ofCalls = rows.filter((row): row is CallEvent => row.call !== undefined)
  if (ofCalls.length === 0) return
  const calls = [...Map.groupBy(ofCalls, ({ call_id }) => call_id).values()].map(callOf)
  const known = await transaction
    .selectFrom('calls')
    .select(['call_id', 'server', 'tool', 'principal', 'state', 'code', 'began_at'])
    .where('log', '=', log)
    .where(sql<SqlBool>`call_id = any(${calls.map(({ call_id }) => call_id)}::uuid[])`)
    .execute()
  await sql`${insertRows('calls', log, calls, callTypes)}
    on conflict (log, call_id) do update
      set state = excluded.state, code = excluded.code, updated_at = excluded.updated_at,
        trace_id = ${begunAnew('excluded.trace_id', 'coalesce(known.trace_id, excluded.trace_id)')},
        ${sql.join(ofBeginning.map((column) => sql`${sql.ref(column)} = ${begunAnew(`excluded.${column}`, `known.${column}`)}`))}
  `.execute(transaction)
  const before = new Map(known.map((call) => [call.call_id, call]))
  const marksOf = await writeMarks(transaction, log, ofCalls, (callId) => before.has(callId))
  const changes = calls.map((call): CallChange => {
    const old = before.get(call.call_id)
    const after = { ...call, began_at: new Date(call.began_at) }
    const goesOn = old && call.requested_at === null
    return {
      before: old,
      after: goesOn ? { ...old, state: call.state, code: call.code } : after,
      marks: marksOf.get(call.call_id) ?? [],
    }
  })
  await tallyCalls(transaction, log, changes)
  await writeWords(transaction, log, ofCalls)
}

type Mark = Pick<Tables['marks'], 'kind' | 'value' | 'call_id'>

/** Writes marks, each once a call; resolves to those that calls did not have before, by call. */
async function writeMarks(
  transaction: Writing,
  log: number,
  rows: readonly CallEvent[],
  isKnown: (callId: string) => boolean,
): Promise<Map<string, Mark[]>> {
  // Events of one call say the same again and again.
  const marks = new Map<string, Mark>()
  for (const { call_id, call } of rows)
    for (const { kind, value } of call.marks)
      marks.set(`${call_id} ${kind} ${value}`, { kind, value, call_id: call_id! })
  const fresh = [...marks.values()].filter(({ call_id }) => !isKnown(call_id))
  const others = [...marks.values()].filter(({ call_id }) => isKnown(call_id))
  const insert = (some: Mark[]) => insertRows('marks', log, some, markTypes)
  if (fresh.length > 0) await insert(fresh).execute(transaction)
  const added =
    others.length === 0
      ? []
      : (await sql<Mark>`${insert(others)} on conflict do nothing returning kind, value, call_id`.execute(transaction))
          .rows
  return Map.groupBy([...fresh, ...added], ({ call_id }) => call_id)
}

/**
 * What the events of a call say of it. Under an idempotency key that is used again after a day a call begins anew with the id of the one
 * before: the newest is shown. One that does not begin among these events has no `requested_at`.
 */
function callOf(events: readonly CallEvent[]) {
  const asked = events.findLastIndex(({ event }) => event === 'requested')
  const own = events.slice(Math.max(0, asked))
  const [first, last] = [own[0]!, own.at(-1)!]
  const { call_id, server, tool, principal, call, stored_at } = first
  return {
    // What is known of a call has all of them.
    ...{ call_id: call_id!, server: server!, tool: tool!, principal: principal!, began_at: stored_at },
    ...{ method: call.method, digest: call.digest },
    trace_id: own.find((event) => event.call.traceId !== null)?.call.traceId ?? null,
    state: last.event,
    code: last.call.code,
    requested_at: asked < 0 ? null : stored_at,
    updated_at: last.stored_at,
  }
}

/**
 * Adds the words of the arguments of calls. A call that began anew under the same idempotency key is found by the words of each of its
 * beginnings.
 */
export async function writeWords(database: Database, log: number, rows: readonly CallEvent[]): Promise<void> {
  const groups = Map.groupBy(
    rows.filter(({ call }) => call.words.length > 0),
    ({ call_id }) => call_id,
  )
  const words = [...groups].map(([call_id, of]) => ({
    call_id,
    principal: of[0]!.principal,
    words: [...new Set(of.flatMap(({ call }) => call.words))],
  }))
  if (words.length === 0) return
  await sql`
    insert into argument_words (log, call_id, principal, words)
    select ${log}::integer, each.call_id, each.principal, array_to_tsvector(each.words)
    from jsonb_to_recordset(${JSON.stringify(words)}::jsonb) as each (call_id uuid, principal text, words text[])
    on conflict (log, call_id) do update set words = argument_words.words || excluded.words
  `.execute(database)
}

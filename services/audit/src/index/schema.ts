import { type Generated, type Kysely, sql } from 'kysely'

/** Raised with every change below, or of what rows say. An index of another version is dropped and made anew from the log; there is nothing to migrate. */
const version = 3

/**
 * The tables of the index. It says where things are in the log, and keeps no content but the words of `argument_words`: records
 * themselves are read from the log.
 */
export interface Tables {
  index_version: { number: number }
  /** One row a tenant: how far its log is indexed. `id` stands in all other tables, and is a new one when it is indexed anew. */
  logs: { id: Generated<number>; tenant: string; indexed: Generated<number>; leaf_hash: Generated<string | null> }
  /** Ids whose rows are still to be deleted. */
  retired_logs: { id: number }
  records: RecordColumns
  /** From when to when the records of a block of indexes were stored, so that a time is a range of the log. */
  blocks: { log: number; block: number; from_at: Date; to_at: Date }
  /** One row a call. */
  calls: CallColumns
  /** Rules, approvers and agents of calls. */
  marks: { log: number; kind: MarkKind; value: string; call_id: string }
  /** How many calls were asked for in an hour (UTC), by where they stand and by code, which is empty where there is none. */
  calls_by_hour: { log: number; hour: Date; state: string; code: string; calls: number }
  /** How many calls with a value were asked for on a day (UTC); the server is that of a tool, and else empty. */
  calls_by_day: { log: number; by: DayField; day: Date; value: string; server: string; calls: number }
  /** The words in the arguments of calls, and whose they are. */
  argument_words: { log: number; call_id: string; principal: string; words: unknown }
}

/** What records and calls have alike. */
export interface SubjectColumns {
  log: number
  call_id: string
  principal: string
  server: string
  tool: string
}

type Nullable<T> = { [K in keyof T]: T[K] | null }

interface RecordColumns extends Nullable<Omit<SubjectColumns, 'log'>> {
  log: number
  index: number
  /** Where it is in its bundle. */
  byte_at: number
  byte_length: number
  stored_at: Date
  event: string
}

interface CallColumns extends SubjectColumns {
  method: string
  digest: string
  trace_id: string | null
  state: string
  code: string | null
  /** When it was stored as requested; null when that record is not in the log. */
  requested_at: Date | null
  /** That, or when its first record was stored. */
  began_at: Date
  updated_at: Date
}

export type MarkKind = 'rule' | 'approver' | 'agent'
/** What calls are counted by, a day. */
export type DayField = 'principal' | 'tool' | MarkKind
export type Database = Kysely<Tables>

/** Records a block: so exact is a time in the log. */
export const blockSize = 1024

const schemaName = 'countersign_audit'

const statements = [
  `create schema ${schemaName}`,
  `create table index_version (number integer not null)`,
  `create table logs (
    id integer generated always as identity primary key, tenant text not null unique,
    indexed bigint not null default 0, leaf_hash text)`,
  `create table retired_logs (id integer primary key)`,
  `create table records (
    log integer not null, byte_at integer not null, index bigint not null, stored_at timestamptz not null,
    byte_length integer not null, event text not null, call_id uuid, server text, tool text, principal text, primary key (log, index))`,
  `create index records_of_call on records (log, call_id, index)`,
  // Of the events of nearly every call, some are always near.
  `create index records_by_event on records (log, event, index) where event not in ('requested', 'allowed', 'dispatched')`,
  `create index records_by_principal on records (log, principal, index)`,
  `create index records_by_server on records (log, server, index)`,
  `create index records_by_tool on records (log, tool, index)`,
  `create table blocks (
    log integer not null, block bigint not null, from_at timestamptz not null, to_at timestamptz not null,
    primary key (log, block))`,
  // Rows are updated while a call goes on; with room in the page and no index on what changes, only the row is.
  `create table calls (
    log integer not null, call_id uuid not null, server text not null, tool text not null, principal text not null,
    method text not null, digest text not null, trace_id text, state text not null, code text, requested_at timestamptz,
    began_at timestamptz not null, updated_at timestamptz not null, primary key (log, call_id)) with (fillfactor = 80)`,
  `create index calls_by_time on calls (log, began_at)`,
  `create table marks (
    log integer not null, kind text not null, value text not null, call_id uuid not null,
    primary key (log, kind, value, call_id))`,
  `create index marks_of_call on marks (log, call_id)`,
  // Rows that are added to again and again: with room in the page only the row is.
  `create table calls_by_hour (
    log integer not null, hour timestamptz not null, state text not null, code text not null, calls integer not null,
    primary key (log, hour, state, code)) with (fillfactor = 50)`,
  `create table calls_by_day (
    log integer not null, by text not null, day timestamptz not null, value text not null, server text not null,
    calls integer not null, primary key (log, by, day, value, server)) with (fillfactor = 80)`,
  `create table argument_words (
    log integer not null, call_id uuid not null, principal text not null, words tsvector not null, primary key (log, call_id))`,
  `create index argument_words_text on argument_words using gin (words)`,
  `insert into index_version values (${version})`,
]

/** Makes the tables, unless they are there in this version; the connection's search path must be `countersign_audit`. */
export async function prepareSchema(database: Database): Promise<void> {
  const { rows } = await sql<{ there: boolean }>`
    select to_regclass(${`${schemaName}.index_version`}) is not null as there`.execute(database)
  if (rows[0]?.there) {
    const known = await database.selectFrom('index_version').select('number').executeTakeFirst()
    if (known?.number === version) return
  }
  await database.transaction().execute(async (transaction) => {
    await sql.raw(`drop schema if exists ${schemaName} cascade`).execute(transaction)
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  })
}

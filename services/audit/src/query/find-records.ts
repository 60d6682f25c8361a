import type { AuditQuery, Coverage, SealedRecord } from '@countersign/contracts'
import type { TenantLog } from '../log/log.ts'
import type { EntryPlace } from '@countersign/tlog'
import type { IndexedLog } from '../index/log-index.ts'
import { ask, type Deadline } from './ask.ts'
import type { Tables } from '../index/schema.ts'
import { fewCalls } from './few-calls.ts'
import { matching, type OfSubject, withRuleNames } from './matching.ts'
import { pageOf } from './page.ts'
import type { Kysely } from 'kysely'

/**
 * Bytes of the records of one answer; the bus takes 8 MiB. One that has more by itself is an answer of its own: the event in a record has 6 MiB at
 * most.
 */
const maxBytes = 4 * 1024 * 1024

/** The log that what is found is read from. */
export interface Reading {
  log: Pick<TenantLog, 'readEach'>
  read: (text: string) => SealedRecord
}

/**
 * Finds records, newest first: where they are is asked of the index, what they say is read from the log. There are fewer than asked for where
 * more would not fit into an answer, and at least one where there is one; `next` says where to go on.
 */
export async function findRecords(
  index: IndexedLog,
  { log, read }: Reading,
  query: AuditQuery,
): Promise<{ records: SealedRecord[]; next: number | null } & Coverage> {
  const { size } = index
  const { places, indexed } = await ask((deadline) => recordPlaces(index, query, deadline))
  const page = places.slice(0, query.limit)
  const records: SealedRecord[] = []
  let bytes = 0
  for await (const { text } of log.readEach(page)) {
    // As they were sealed: opened, they are no longer.
    bytes += Buffer.byteLength(text)
    if (records.length > 0 && bytes > maxBytes) break
    records.push(read(text))
  }
  const more = records.length < places.length
  return { records, next: more ? records.at(-1)!.index : null, size, indexed }
}

/** Where what matches is, newest first: one more than asked for where there are more. */
async function recordPlaces(
  index: IndexedLog,
  query: AuditQuery,
  deadline: Deadline,
): Promise<{ places: EntryPlace[]; indexed: number }> {
  const { database, log } = index
  const { from, to, indexed } = await pageOf(index, query, deadline)
  const filter = await withRuleNames(database, log, query, deadline)
  const few = await fewCalls(database, log, filter, deadline)
  let found = (database as unknown as Kysely<OfSubject & { it: Tables['records'] }>)
    .selectFrom('records as it' as 'it')
    .select(['it.index', 'it.byte_at as offset', 'it.byte_length as bytes'])
    .where(matching(log, filter, few) as never)
    .where('it.index', '>=', from)
    .where('it.index', '<', to)
  if (query.outcome !== undefined) found = found.where('it.event', '=', query.outcome)
  if (query.since !== undefined) found = found.where('it.stored_at', '>=', new Date(query.since))
  if (query.until !== undefined) found = found.where('it.stored_at', '<=', new Date(query.until))
  const places = await found
    .orderBy('it.index', 'desc')
    .limit(query.limit + 1)
    .execute(deadline)
  return { places, indexed }
}

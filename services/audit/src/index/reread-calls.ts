import { hiddenMark, redactedMark, type SealedRecord } from '@countersign/contracts'
import { sql } from 'kysely'
import type { TenantLog } from '../log/log.ts'
import { type CallFacts, type IndexRow, rowOf } from './row-of.ts'
import type { Database } from './schema.ts'
import { writeWords } from './write-rows.ts'

const callsAtOnce = 500

/** Whose content was erased: that of some subjects, and that of calls that began before an instant. */
export interface Erased {
  subjects: readonly string[]
  before: Date | undefined
}

/** What is read anew: a tenant's log, and what opens its records. */
export interface Reread {
  log: number
  tree: Pick<TenantLog, 'readEach'>
  read: (text: string) => SealedRecord
}

/**
 * Reads anew what the index holds of the content of some of the calls that something was erased of: words of their arguments, and the
 * digest. What cannot be opened any more is gone from it afterwards; everything else of the calls stays.
 *
 * @param after the call to go on after, in the order of their ids; undefined to begin
 * @returns the last of those that were read anew; undefined when there are no more
 */
export async function rereadCalls(
  database: Database,
  { log, tree, read }: Reread,
  { subjects, before }: Erased,
  after: string | undefined,
): Promise<string | undefined> {
  const calls = await database
    .selectFrom('calls')
    .select('call_id')
    .where('log', '=', log)
    .$if(after !== undefined, (calls) => calls.where('call_id', '>', after!))
    .where((call) =>
      call.or([
        // Where the principal was redacted or is itself personal, it may be any subject's.
        call('principal', 'in', [...subjects, redactedMark, hiddenMark]),
        // A digest that is wrapped was read anew before.
        ...(before ? [call.and([call('began_at', '<', before), call('digest', 'like', 'sha256:%')])] : []),
      ]),
    )
    .orderBy('call_id')
    .limit(callsAtOnce)
    .execute()
  if (calls.length === 0) return undefined
  const ids = calls.map(({ call_id }) => call_id)
  const places = await database
    .selectFrom('records')
    .select(['index', 'byte_at as offset', 'byte_length as bytes'])
    .where('log', '=', log)
    .where('call_id', 'in', ids)
    .where('event', '=', 'requested')
    .orderBy('index')
    .execute()
  const rows: IndexRow[] = []
  for await (const { text } of tree.readEach(places)) rows.push(rowOf(read(text), places[rows.length]!))
  const ofCalls = rows.filter((row): row is IndexRow & { call: CallFacts } => row.call !== undefined)
  await database.deleteFrom('argument_words').where('log', '=', log).where('call_id', 'in', ids).execute()
  await writeWords(database, log, ofCalls)
  // Of a call that began anew under its idempotency key the last is what is shown.
  const digests = new Map(ofCalls.map(({ call_id, call }) => [call_id, { call_id, digest: call.digest }]))
  await sql`
    update calls set digest = each.digest
    from jsonb_to_recordset(${JSON.stringify([...digests.values()])}::jsonb) as each (call_id uuid, digest text)
    where calls.log = ${log} and calls.call_id = each.call_id and calls.digest <> each.digest
  `.execute(database)
  return calls.length < callsAtOnce ? undefined : ids.at(-1)
}

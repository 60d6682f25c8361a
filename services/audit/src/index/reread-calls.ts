import { redactedMark, type SealedRecord } from '@countersign/contracts'
import { type ExpressionBuilder, type SqlBool, type Expression, sql } from 'kysely'
import type { TenantLog } from '../log/log.ts'
import { type CallFacts, type IndexRow, rowOf } from './row-of.ts'
import type { Database, Tables } from './schema.ts'
import { writeWords } from './write-rows.ts'

const recordsAtOnce = 500

/** What is read anew: a tenant's log, and what opens its records. */
export interface Reread {
  log: number
  tree: Pick<TenantLog, 'readEach'>
  read: (text: string) => SealedRecord
}

/**
 * Reads anew what the index holds of the content of a subject's calls; where the principal was redacted, it may be any subject's, so
 * that is read anew too.
 */
export function rereadSubject(database: Database, reread: Reread, subject: string): Promise<void> {
  return rereadCalls(database, reread, (calls) => calls('principal', 'in', [subject, redactedMark]))
}

/** Reads anew what the index holds of the content of calls that began before an instant, as far as it could still be opened. */
export function rereadBefore(database: Database, reread: Reread, before: Date): Promise<void> {
  return rereadCalls(database, reread, (calls) =>
    // A digest that is wrapped was read anew before.
    calls.and([calls('began_at', '<', before), calls('digest', 'like', 'sha256:%')]),
  )
}

/**
 * Reads anew what the index holds of the content of some calls: words of their arguments, and the digest. What cannot be opened any
 * more is gone from it afterwards; everything else of the calls stays.
 */
async function rereadCalls(
  database: Database,
  { log, tree, read }: Reread,
  which: (calls: ExpressionBuilder<Tables, 'calls'>) => Expression<SqlBool>,
): Promise<void> {
  for (let after = -1; ;) {
    const found = await database
      .selectFrom('records')
      .select(['index', 'call_id'])
      .where('log', '=', log)
      .where('event', '=', 'requested')
      .where('index', '>', after)
      .where('call_id', 'in', (select) =>
        select.selectFrom('calls').select('calls.call_id').where('calls.log', '=', log).where(which),
      )
      .orderBy('index')
      .limit(recordsAtOnce)
      .execute()
    if (found.length === 0) break
    after = found.at(-1)!.index
    const calls = found.map(({ call_id }) => call_id!)
    await database.deleteFrom('argument_words').where('log', '=', log).where('call_id', 'in', calls).execute()
    const rows: IndexRow[] = []
    for await (const { text } of tree.readEach(found.map(({ index }) => index))) rows.push(rowOf(read(text)))
    const ofCalls = rows.filter((row): row is IndexRow & { call: CallFacts } => row.call !== undefined)
    await writeWords(database, log, ofCalls)
    const digests = ofCalls.map(({ call_id, call }) => ({ call_id, digest: call.digest }))
    await sql`
      update calls set digest = each.digest
      from jsonb_to_recordset(${JSON.stringify(digests)}::jsonb) as each (call_id uuid, digest text)
      where calls.log = ${log} and calls.call_id = each.call_id and calls.digest <> each.digest
    `.execute(database)
  }
}

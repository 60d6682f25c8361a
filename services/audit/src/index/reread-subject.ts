import type { SealedRecord } from '@countersign/contracts'
import { sql } from 'kysely'
import type { TenantLog } from '../log/log.ts'
import { type CallFacts, type IndexRow, rowOf } from './row-of.ts'
import type { Database } from './schema.ts'
import { writeWords } from './write-rows.ts'

const recordsAtOnce = 500

/**
 * Reads anew what the index holds of the content of a subject's calls: words of their arguments, and the digest. What cannot be opened
 * any more is gone from it afterwards, also from the pages of its tables; everything else of the calls stays.
 */
export async function rereadSubject(
  database: Database,
  { log, tree, read }: { log: number; tree: Pick<TenantLog, 'readEach'>; read: (text: string) => SealedRecord },
  subject: string,
): Promise<void> {
  await database.deleteFrom('argument_words').where('log', '=', log).where('principal', '=', subject).execute()
  for (let after = -1; ;) {
    const found = await database
      .selectFrom('records')
      .select('index')
      .where('log', '=', log)
      .where('principal', '=', subject)
      .where('event', '=', 'requested')
      .where('index', '>', after)
      .orderBy('index')
      .limit(recordsAtOnce)
      .execute()
    if (found.length === 0) break
    after = found.at(-1)!.index
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
  for (const table of ['argument_words', 'calls']) await sql`vacuum ${sql.table(table)}`.execute(database)
}

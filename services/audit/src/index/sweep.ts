import { sql } from 'kysely'
import { contentTables } from './index-database.ts'
import type { Database } from './schema.ts'

const rowsAtOnce = 5000
const tables = ['records', 'blocks', 'calls', 'marks', 'calls_by_hour', 'calls_by_day', 'argument_words'] as const

/** Deletes some of what was indexed before a log was indexed anew; resolves to whether there is more. */
export async function sweep(database: Database): Promise<boolean> {
  const retired = await database.selectFrom('retired_logs').select('id').orderBy('id').limit(1).executeTakeFirst()
  if (!retired) return false
  for (const table of tables) {
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} where ctid = any(array(
        select ctid from ${sql.table(table)} where log = ${retired.id} limit ${sql.lit(rowsAtOnce)}))`.execute(database)
    if (numAffectedRows !== undefined && numAffectedRows > 0n) return true
  }
  await database.deleteFrom('retired_logs').where('id', '=', retired.id).execute()
  return true
}

/** Deletes at once what is still there of content that was indexed before a log was indexed anew. */
export async function forgetRetired(database: Database): Promise<void> {
  for (const table of contentTables) {
    await database
      .deleteFrom(table)
      .where('log', 'in', (select) => select.selectFrom('retired_logs').select('id'))
      .execute()
  }
}

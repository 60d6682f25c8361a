import type { SealedRecord } from '@countersign/contracts'
import type { Log } from '../log/log.ts'
import type { Database } from './schema.ts'

/** How far the log of a tenant is indexed. */
export interface Cursor {
  /** Stands in the rows of this log. */
  log: number
  indexed: number
}

/**
 * Reads how far each log is indexed. One that is not the log that was indexed, because it is shorter or has another record in that
 * place, begins anew.
 */
export async function readCursors(database: Database, log: Pick<Log, 'tree'>): Promise<Map<string, Cursor>> {
  const cursors = new Map<string, Cursor>()
  const rows = await database.selectFrom('logs').select(['id', 'tenant', 'indexed', 'leaf_hash']).execute()
  for (const { id, tenant, indexed, leaf_hash: leafHash } of rows) {
    const same = indexed === 0 || (await leafHashAt(log, tenant, indexed - 1)) === leafHash
    cursors.set(tenant, same ? { log: id, indexed } : await beginAnew(database, tenant))
  }
  return cursors
}

/** The cursor of a log that is indexed from its beginning; what was indexed of it before is deleted bit by bit. */
export function beginAnew(database: Database, tenant: string): Promise<Cursor> {
  return database.transaction().execute(async (transaction) => {
    const old = await transaction.deleteFrom('logs').where('tenant', '=', tenant).returning('id').executeTakeFirst()
    if (old) await transaction.insertInto('retired_logs').values({ id: old.id }).execute()
    const { id } = await transaction.insertInto('logs').values({ tenant }).returning('id').executeTakeFirstOrThrow()
    return { log: id, indexed: 0 }
  })
}

async function leafHashAt(log: Pick<Log, 'tree'>, tenant: string, index: number): Promise<string | undefined> {
  const [entry] = await log.tree(tenant).read(index, 1)
  return entry && (JSON.parse(entry.text) as SealedRecord).leafHash
}

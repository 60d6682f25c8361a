import { Kysely, PGliteDialect } from 'kysely'
import { contentTables, type IndexDatabase, queryTimeoutMs } from './index-database.ts'
import { PGliteProcess } from './pglite-process.ts'
import type { Tables } from './schema.ts'

const parameters = [
  'search_path=countersign_audit,public',
  'timezone=UTC',
  // Its default of 128 MB is held in memory whatever the size of the log; what does not fit, the system caches.
  'shared_buffers=16MB',
  'work_mem=16MB',
  // Memory of WebAssembly grows and is never given back.
  'maintenance_work_mem=16MB',
  // Nobody replicates it.
  'wal_level=minimal',
  'max_wal_senders=0',
  // Else a segment would be used again with what was erased still in it.
  'wal_recycle=off',
]

/**
 * Opens the embedded Postgres (PGlite) of a folder, or makes it.
 *
 * @throws Error when another process has the folder, or it cannot be opened
 */
export async function openPGlite(
  dir: string,
  signal: AbortSignal,
  onDiscarded: (reason: string) => void,
): Promise<IndexDatabase> {
  const database = new PGliteProcess(dir, parameters, signal, onDiscarded)
  await database.query('select 1')
  return {
    kind: 'embedded',
    get lost() {
      return database.lost
    },
    writer: new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: database }) }),
    reader: new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: database.reader(queryTimeoutMs) }) }),
    async maintain() {
      await database.query('VACUUM (ANALYZE)')
      // It has no process that does this, and its write-ahead log would grow for ever.
      await database.query('CHECKPOINT')
    },
    async forgetDeleted() {
      for (const table of contentTables) await database.query(`VACUUM FULL ${table}`)
      await database.query('SELECT pg_switch_wal()')
      await database.query('CHECKPOINT')
    },
    discard: () => database.discard(),
    close: () => database.close(),
  }
}

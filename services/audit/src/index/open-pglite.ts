import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { lockFile } from '@countersign/tlog'
import { Kysely, PGliteDialect } from 'kysely'
import { contentTables, type IndexDatabase, queryTimeoutMs } from './index-database.ts'
import { PGliteThread } from './pglite-thread.ts'
import type { Tables } from './schema.ts'

const parameters = [
  'search_path=countersign_audit,public',
  'timezone=UTC',
  // Its default of 128 MB is held in memory whatever the size of the log.
  'shared_buffers=32MB',
  'work_mem=16MB',
  // Memory of WebAssembly grows and is never given back.
  'maintenance_work_mem=16MB',
  // Nobody replicates it.
  'wal_level=minimal',
  'max_wal_senders=0',
  // Else a segment would be used again with what was erased still in it.
  'wal_recycle=off',
]
const sameBootMs = 60_000

/**
 * Opens the embedded Postgres (PGlite) of a folder, or makes it. It does not sync what it writes: a process may be killed at any moment,
 * but after a power failure files could be half of before and half of after. So a folder that was open when the machine went down
 * is emptied; the log has everything.
 *
 * @throws Error when another process has the folder, or it cannot be opened
 */
export async function openPGlite(
  dir: string,
  signal: AbortSignal,
  onDiscarded: (reason: string) => void,
): Promise<IndexDatabase> {
  const [dataDir, openFile] = [join(dir, 'data'), join(dir, 'open')]
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const unlock = lockFile(join(dir, 'lock'))
  const empty = async (reason: string) => {
    await rm(dataDir, { recursive: true, force: true })
    onDiscarded(reason)
  }
  let thread = new PGliteThread(dataDir, parameters, signal)
  try {
    const bootedMs = Date.now() - uptime() * 1000
    const wasOpen = await readFile(openFile, 'utf8').catch(() => undefined)
    if (wasOpen !== undefined && Math.abs(Number(wasOpen) - bootedMs) > sameBootMs) {
      await empty('the machine went down while it was open')
    }
    await writeFile(openFile, String(Math.round(bootedMs)), { mode: 0o600 })
    try {
      await thread.query('select 1')
    } catch (error) {
      await thread.close()
      signal.throwIfAborted()
      await empty(`it cannot be opened: ${(error as Error).message}`)
      thread = new PGliteThread(dataDir, parameters, signal)
      await thread.query('select 1')
    }
  } catch (error) {
    await thread.close()
    unlock()
    throw error
  }
  const close = async () => {
    await thread.close()
    await rm(openFile, { force: true })
    unlock()
  }
  return {
    kind: 'embedded',
    writer: new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: thread }) }),
    reader: new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: thread.reader(queryTimeoutMs) }) }),
    async maintain() {
      await thread.query('VACUUM (ANALYZE)')
      // It has no process that does this, and its write-ahead log would grow for ever.
      await thread.query('CHECKPOINT')
    },
    async forgetDeleted() {
      for (const table of contentTables) await thread.query(`VACUUM FULL ${table}`)
      await thread.query('SELECT pg_switch_wal()')
      await thread.query('CHECKPOINT')
    },
    async discard() {
      await thread.close()
      await rm(dataDir, { recursive: true, force: true })
      await close()
    },
    close,
  }
}

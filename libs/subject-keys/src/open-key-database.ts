import { chmodSync, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export const databaseFile = 'subject-keys.sqlite'
const busyTimeoutMs = 5000

// The number of a legal hold stands in records, so it is not given to another hold when the one that had it was lifted. A database that
// has the table without AUTOINCREMENT keeps it as it is, and in it the number of the newest hold may be given again.
const schema = `
  CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, period TEXT NOT NULL,
    kek TEXT NOT NULL, wrapped BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS keys_by_scope ON keys (tenant, subject, kind, period);
  CREATE INDEX IF NOT EXISTS keys_by_period ON keys (tenant, kind, period);
  CREATE INDEX IF NOT EXISTS keys_by_kek ON keys (kek);
  CREATE TABLE IF NOT EXISTS holds (
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, subject TEXT, reason TEXT NOT NULL,
    placedBy TEXT NOT NULL, placedAt TEXT NOT NULL, callId TEXT, fromPeriod TEXT, toPeriod TEXT
  );
  CREATE INDEX IF NOT EXISTS holds_by_tenant ON holds (tenant);
  CREATE TABLE IF NOT EXISTS deeds (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL, at TEXT NOT NULL,
    applied INTEGER NOT NULL DEFAULT 0, recorded INTEGER NOT NULL DEFAULT 0
  );
`

/**
 * Whether a folder has a database of subject keys. One that was not begun to its end, because the process was killed, is none.
 *
 * @throws Error for a file that is no database
 */
export function hasKeyDatabase(dir: string): boolean {
  const path = join(dir, databaseFile)
  if (!existsSync(path)) return false
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs })
  try {
    return database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'keys'").get() !== undefined
  } catch (cause) {
    throw unusable(path, cause as Error)
  } finally {
    database.close()
  }
}

/**
 * Opens the database of subject keys in a folder of its own, or begins one. What is deleted is overwritten with zeros, and what was
 * committed is on disk.
 *
 * @param apart folders that must not hold the keys, nor lie among them: who copies a log must not copy its keys
 * @param onBegin called for a new database, in the transaction that begins it
 * @throws Error for a folder that others may read, or one that is not apart
 */
export function openKeyDatabase(
  dir: string,
  apart: readonly string[] = [],
  onBegin: (database: DatabaseSync) => void = () => {},
): DatabaseSync {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const mode = statSync(dir).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${dir} is to hold the keys of subjects and has mode ${mode.toString(8)}, so others may read it: chmod 700 ${dir}`,
    )
  }
  for (const other of apart) {
    if (isWithin(dir, other) || isWithin(other, dir)) {
      throw new Error(
        `the keys of subjects (${dir}) and the audit log (${other}) must lie apart: who copies the log must not copy its keys. Give the ` +
          'keys a folder of their own',
      )
    }
  }
  const path = join(dir, databaseFile)
  const isNew = !hasKeyDatabase(dir)
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs })
  try {
    // A rollback journal, and not a write-ahead log, in which what was deleted would stay.
    database.exec('PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=EXTRA; PRAGMA secure_delete=ON')
    inTransaction(database, () => {
      database.exec(schema)
      addHoldsOfCalls(database)
      if (isNew) onBegin(database)
    })
    chmodSync(path, 0o600)
  } catch (cause) {
    database.close()
    throw unusable(path, cause as Error)
  }
  return database
}

function unusable(path: string, cause: Error): Error {
  return new Error(`the keys of subjects in ${path} cannot be used: ${cause.message}`, { cause })
}

/** Before a hold could be over one call, the table had no columns for it. */
function addHoldsOfCalls(database: DatabaseSync): void {
  const known = new Set(
    database
      .prepare('PRAGMA table_info(holds)')
      .all()
      .map(({ name }) => name),
  )
  for (const column of ['callId', 'fromPeriod', 'toPeriod'])
    if (!known.has(column)) database.exec(`ALTER TABLE holds ADD COLUMN ${column} TEXT`)
}

/** Does something as a whole or not at all; when it returns, it is on disk. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function isWithin(inner: string, outer: string): boolean {
  const path = relative(real(outer), real(inner))
  return path === '' || (!path.startsWith('..') && !isAbsolute(path))
}

/** Where a folder really is; a log that does not exist yet is where its nearest folder that does says. */
function real(path: string): string {
  const full = resolve(path)
  try {
    return realpathSync(full)
  } catch {
    const above = resolve(full, '..')
    return above === full ? full : join(real(above), relative(above, full))
  }
}

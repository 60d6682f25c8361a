import { readFile } from 'node:fs/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { type CustomTypesConfig, Pool, type PoolClient, types as standard } from 'pg'
import { parseIntoClientConfig } from 'pg-connection-string'
import { contentTables, type IndexDatabase, queryTimeoutMs } from './index-database.ts'
import type { Tables } from './schema.ts'

const connectTimeoutMs = 10_000
const readers = 4
/** Its OID. Sizes and places are far below 2^53, so they are read as numbers. */
const bigint = 20
const types: CustomTypesConfig = {
  getTypeParser: (oid, format) => ((oid as number) === bigint ? Number : standard.getTypeParser(oid, format)),
}
/** An arbitrary number that stands for "follows an audit log into this database". */
const lockKey = 7_420_516_873

/**
 * Connects to a Postgres server.
 *
 * @param url without a password
 * @param passwordFile read for each connection, so that a new password needs no restart
 * @throws Error when it cannot be reached, or another audit writes to this database
 */
export async function openPostgres(
  url: string,
  passwordFile: string | undefined,
  onProblem: (error: Error) => void,
): Promise<IndexDatabase> {
  const password = passwordFile === undefined ? undefined : async () => (await readFile(passwordFile, 'utf8')).trim()
  const { password: _none, ...server } = parseIntoClientConfig(url)
  const pool = (max: number, options: string) => {
    const made = new Pool({
      ...server,
      ...(password === undefined ? {} : { password }),
      max,
      connectionTimeoutMillis: connectTimeoutMs,
      application_name: 'countersign-audit',
      types,
      options: `-c search_path=countersign_audit -c timezone=UTC ${options}`,
    })
    // A connection that breaks while nobody uses it; the next query gets another.
    made.on('error', onProblem)
    // One that breaks between two statements of who uses it fails the next; without a listener it would end audit.
    made.on('connect', (client) => client.on('error', () => {}))
    return made
  }
  const [writing, reading, locking] = [
    pool(1, ''),
    pool(readers, `-c statement_timeout=${queryTimeoutMs} -c default_transaction_read_only=on`),
    pool(1, ''),
  ]
  const writer = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: writing }) })
  const reader = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: reading }) })
  let holder: PoolClient | undefined
  const close = async () => {
    // A connection that is in use keeps its pool open.
    holder?.release(true)
    holder = undefined
    await Promise.all([writer.destroy(), reader.destroy(), locking.end()])
  }
  try {
    holder = await locking.connect()
    // The next failure of a write opens everything anew, and the lock with it.
    holder.on('error', onProblem)
    const { rows } = await holder.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [lockKey])
    if (rows[0]?.held !== true) {
      throw new Error('another audit keeps its index in this database; give each a database of its own')
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    kind: 'postgres',
    lost: false,
    writer,
    reader,
    maintain: async () => void (await sql`analyze`.execute(writer)),
    // Its write-ahead log, and what it archives of that, are whose server it is.
    async forgetDeleted() {
      for (const table of contentTables) await sql`vacuum full ${sql.table(table)}`.execute(writer)
    },
    discard: async () => {
      await sql`drop schema if exists countersign_audit cascade`.execute(writer)
      await close()
    },
    close,
  }
}

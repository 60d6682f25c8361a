import { type RawBuilder, sql } from 'kysely'
import type { Tables } from './schema.ts'

/** Tables with a column `log`. */
type TableOfLog = { [K in keyof Tables]: Tables[K] extends { log: number } ? K : never }[keyof Tables]

/**
 * Inserts rows of a log, as one statement with an array a column: Postgres takes 65,535 parameters, and reads arrays faster than JSON.
 *
 * @param types the columns, with their types in SQL
 */
export function insertRows<T extends object>(
  table: TableOfLog,
  log: number,
  rows: readonly T[],
  types: { readonly [K in keyof T & string]?: string },
): RawBuilder<unknown> {
  const columns = Object.entries(types) as [keyof T & string, string][]
  const names = sql.join(columns.map(([name]) => sql.id(name)))
  const arrays = columns.map(([name, type]) => sql`${rows.map((row) => row[name])}::${sql.raw(type)}[]`)
  return sql`
    insert into ${sql.table(table)} as known (log, ${names})
    select ${log}::integer, each.* from unnest(${sql.join(arrays)}) as each (${names})`
}

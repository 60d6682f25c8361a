import type { DatabaseSync } from 'node:sqlite'
import type { JsonObject } from '@countersign/contracts'

/** Something that was done to keys or holds and has yet to be recorded in the log. */
export interface Deed {
  /** The id of its record: recorded twice, it is recorded once. */
  id: string
  tenant: string
  event: string
  data: JsonObject
  /** ISO 8601. */
  at: string
  /** What follows from it elsewhere was done too. */
  applied: boolean
}

/**
 * What was done and has yet to be recorded. A deed is written in the same transaction as what it tells of, so that a crash leaves
 * neither something done that is never recorded nor a record of something that was not done.
 */
export class Deeds {
  readonly #statements

  constructor(database: DatabaseSync) {
    const sql = (text: string) => database.prepare(text)
    this.#statements = {
      add: sql('INSERT INTO deeds (id, tenant, event, data, at) VALUES (?, ?, ?, ?, ?)'),
      open: sql('SELECT id, tenant, event, data, at, applied FROM deeds ORDER BY at, rowid LIMIT ?'),
      applied: sql('UPDATE deeds SET applied = 1 WHERE id = ?'),
      recorded: sql('DELETE FROM deeds WHERE id = ?'),
    }
  }

  /** Notes a deed, within the caller's transaction. */
  add({ id, tenant, event, data, at }: Omit<Deed, 'applied'>): void {
    this.#statements.add.run(id, tenant, event, JSON.stringify(data), at)
  }

  /** Those that are not recorded yet, oldest first. */
  open(limit: number): Deed[] {
    const rows = this.#statements.open.all(limit) as unknown as (Omit<Deed, 'data' | 'applied'> & {
      data: string
      applied: number
    })[]
    return rows.map(({ data, applied, ...row }) => ({
      ...row,
      data: JSON.parse(data) as JsonObject,
      applied: applied === 1,
    }))
  }

  applied(id: string): void {
    this.#statements.applied.run(id)
  }

  recorded(id: string): void {
    this.#statements.recorded.run(id)
  }
}

import type { DatabaseSync } from 'node:sqlite'

/** Something that was done to keys or holds, of which something is still to be done elsewhere. */
export interface Deed {
  /** The id of the event that records it. */
  id: string
  tenant: string
  event: string
  data: Record<string, unknown>
  /** ISO 8601. */
  at: string
  /** What follows from it elsewhere was done. */
  applied: boolean
  /** The event that records it is stored. */
  recorded: boolean
}

/**
 * What was done and has yet to be applied elsewhere and recorded. A deed is written in the same transaction as what it tells of, so
 * that a crash leaves neither something done that is never recorded nor a record of something that was not done.
 */
export class Deeds {
  readonly #statements

  constructor(database: DatabaseSync) {
    const sql = (text: string) => database.prepare(text)
    this.#statements = {
      add: sql('INSERT INTO deeds (id, tenant, event, data, at) VALUES (?, ?, ?, ?, ?)'),
      open: sql('SELECT id, tenant, event, data, at, applied, recorded FROM deeds ORDER BY rowid LIMIT ?'),
      applied: sql('UPDATE deeds SET applied = 1 WHERE id = ?'),
      recorded: sql('UPDATE deeds SET recorded = 1 WHERE id = ?'),
      settled: sql('DELETE FROM deeds WHERE applied = 1 AND recorded = 1'),
      one: sql('SELECT 1 FROM deeds WHERE id = ?'),
    }
  }

  /** Notes a deed, within the caller's transaction. */
  add({ id, tenant, event, data, at }: Omit<Deed, 'applied' | 'recorded'>): void {
    this.#statements.add.run(id, tenant, event, JSON.stringify(data), at)
  }

  /** Those of which something is still to be done, oldest first. */
  open(limit: number): Deed[] {
    type Row = Omit<Deed, 'data' | 'applied' | 'recorded'> & { data: string; applied: number; recorded: number }
    const rows = this.#statements.open.all(limit) as unknown as Row[]
    return rows.map(({ data, applied, recorded, ...row }) => ({
      ...row,
      data: JSON.parse(data) as Deed['data'],
      applied: applied === 1,
      recorded: recorded === 1,
    }))
  }

  isOpen(id: string): boolean {
    return this.#statements.one.get(id) !== undefined
  }

  applied(id: string): void {
    this.#statements.applied.run(id)
    this.#statements.settled.run()
  }

  recorded(id: string): void {
    this.#statements.recorded.run(id)
    this.#statements.settled.run()
  }
}

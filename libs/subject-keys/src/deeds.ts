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
      add: sql('INSERT INTO deeds (id, tenant, event, data, at, applied) VALUES (?, ?, ?, ?, ?, ?)'),
      unrecorded: sql('SELECT id, tenant, event, data, at FROM deeds WHERE recorded = 0 ORDER BY rowid LIMIT ?'),
      unapplied: sql('SELECT id, tenant, event, data, at FROM deeds WHERE applied = 0 ORDER BY rowid LIMIT ?'),
      applied: sql('UPDATE deeds SET applied = 1 WHERE id = ?'),
      recorded: sql('UPDATE deeds SET recorded = 1 WHERE id = ?'),
      settled: sql('DELETE FROM deeds WHERE applied = 1 AND recorded = 1'),
      one: sql('SELECT 1 FROM deeds WHERE id = ?'),
    }
  }

  /** Notes a deed, within the caller's transaction; `applied` where nothing follows from it elsewhere. */
  add({ id, tenant, event, data, at }: Deed, { applied = false } = {}): void {
    this.#statements.add.run(id, tenant, event, JSON.stringify(data), at, Number(applied))
  }

  /** Those whose event is not stored yet, oldest first. */
  unrecorded(limit: number): Deed[] {
    return this.#statements.unrecorded.all(limit).map(deedOf)
  }

  /** Those of which something is still to be done elsewhere, oldest first. */
  unapplied(limit: number): Deed[] {
    return this.#statements.unapplied.all(limit).map(deedOf)
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

function deedOf(row: Record<string, unknown>): Deed {
  return { ...row, data: JSON.parse(row['data'] as string) as Deed['data'] } as Deed
}

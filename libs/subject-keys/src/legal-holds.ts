import type { DatabaseSync } from 'node:sqlite'

/** A legal hold: while it is there, nothing of the subject is erased, by whomever and for whatever reason. */
export interface Hold {
  id: number
  tenant: string
  /** Null: the whole tenant. */
  subject: string | null
  reason: string
  placedBy: string
  placedAt: string
}

/** The legal holds that are in force. What cannot be read throws: nothing is erased then. */
export class LegalHolds {
  readonly #statements

  constructor(database: DatabaseSync) {
    const sql = (text: string) => database.prepare(text)
    this.#statements = {
      place: sql('INSERT INTO holds (tenant, subject, reason, placedBy, placedAt) VALUES (?, ?, ?, ?, ?)'),
      lift: sql('DELETE FROM holds WHERE tenant = ? AND id = ?'),
      one: sql('SELECT * FROM holds WHERE tenant = ? AND id = ?'),
      // Oldest first.
      all: sql('SELECT * FROM holds WHERE tenant = ? ORDER BY id'),
      over: sql('SELECT * FROM holds WHERE tenant = ? AND (subject IS NULL OR subject = ?) ORDER BY id LIMIT 1'),
    }
  }

  /** Places a hold, within the caller's transaction. */
  place({ tenant, subject, reason, placedBy, placedAt }: Omit<Hold, 'id'>): Hold {
    const { lastInsertRowid } = this.#statements.place.run(tenant, subject, reason, placedBy, placedAt)
    return { id: Number(lastInsertRowid), tenant, subject, reason, placedBy, placedAt }
  }

  /** Takes a hold away, within the caller's transaction; undefined when the tenant has none with this id. */
  lift(tenant: string, id: number): Hold | undefined {
    const hold = this.#statements.one.get(tenant, id) as unknown as Hold | undefined
    if (hold) this.#statements.lift.run(tenant, id)
    return hold
  }

  list(tenant: string): Hold[] {
    return this.#statements.all.all(tenant) as unknown as Hold[]
  }

  /** A hold that keeps a subject from being erased; undefined where none does. */
  over(tenant: string, subject: string): Hold | undefined {
    return this.#statements.over.get(tenant, subject) as unknown as Hold | undefined
  }
}

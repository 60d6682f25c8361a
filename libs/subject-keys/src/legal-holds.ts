import type { DatabaseSync } from 'node:sqlite'

/** A legal hold: while it is there, nothing of the subject is erased, by whomever and for whatever reason. */
export interface Hold {
  id: number
  tenant: string
  /** Null: the whole tenant. Of a hold over one call, the subject of the call. */
  subject: string | null
  /** There, it is over this call only. */
  callId?: string
  reason: string
  placedBy: string
  placedAt: string
}

/** A call that a hold is over, and the months (UTC, both inclusive) whose keys its content is encrypted with. */
export interface HeldCall {
  callId: string
  fromPeriod: string
  toPeriod: string
}

/** The legal holds that are in force. What cannot be read throws: nothing is erased then. */
export class LegalHolds {
  readonly #statements

  constructor(database: DatabaseSync) {
    const sql = (text: string) => database.prepare(text)
    this.#statements = {
      place: sql(
        'INSERT INTO holds (tenant, subject, reason, placedBy, placedAt, callId, fromPeriod, toPeriod) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ),
      lift: sql('DELETE FROM holds WHERE tenant = ? AND id = ?'),
      one: sql('SELECT * FROM holds WHERE tenant = ? AND id = ?'),
      // Oldest first.
      all: sql('SELECT * FROM holds WHERE tenant = ? ORDER BY id'),
      over: sql('SELECT * FROM holds WHERE tenant = ? AND (subject IS NULL OR subject = ?) ORDER BY id LIMIT 1'),
    }
  }

  /** Places a hold, within the caller's transaction. */
  place({ tenant, subject, reason, placedBy, placedAt }: Omit<Hold, 'id' | 'callId'>, call?: HeldCall): Hold {
    const { callId = null, fromPeriod = null, toPeriod = null } = call ?? {}
    const values = [tenant, subject, reason, placedBy, placedAt, callId, fromPeriod, toPeriod]
    const { lastInsertRowid } = this.#statements.place.run(...values)
    return holdOf({ id: Number(lastInsertRowid), tenant, subject, reason, placedBy, placedAt, callId })
  }

  /** Takes a hold away, within the caller's transaction; undefined when the tenant has none with this id. */
  lift(tenant: string, id: number): Hold | undefined {
    const row = this.#statements.one.get(tenant, id)
    if (row) this.#statements.lift.run(tenant, id)
    return row && holdOf(row)
  }

  list(tenant: string): Hold[] {
    return this.#statements.all.all(tenant).map(holdOf)
  }

  /** A hold that keeps a subject, or a call of it, from being erased; undefined where none does. */
  over(tenant: string, subject: string): Hold | undefined {
    const row = this.#statements.over.get(tenant, subject)
    return row && holdOf(row)
  }
}

function holdOf(row: Record<string, unknown>): Hold {
  const { id, tenant, subject, reason, placedBy, placedAt, callId } = row as unknown as Hold & { callId: string | null }
  return { id, tenant, subject, reason, placedBy, placedAt, ...(callId === null ? {} : { callId }) }
}

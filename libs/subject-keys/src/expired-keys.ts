import type { DatabaseSync } from 'node:sqlite'

/** Finds and erases keys of months that are over their time. Whoever is under a legal hold is passed over; of a hold over one call, the months of that call are. */
export class ExpiredKeys {
  readonly #statements

  constructor(database: DatabaseSync) {
    this.#statements = {
      tenants: database.prepare('SELECT DISTINCT tenant FROM keys'),
      erase: database.prepare(`
        DELETE FROM keys WHERE id IN (
          SELECT id FROM keys WHERE tenant = :tenant AND kind = :kind AND period < :before AND NOT EXISTS (
            SELECT 1 FROM holds WHERE holds.tenant = keys.tenant AND (holds.subject IS NULL OR holds.subject = keys.subject)
              AND (holds.callId IS NULL OR keys.period BETWEEN holds.fromPeriod AND holds.toPeriod)
          ) LIMIT :limit
        )`),
    }
  }

  /** Tenants that have keys. */
  tenants(): string[] {
    return this.#statements.tenants.all().map(({ tenant }) => String(tenant))
  }

  /**
   * Erases keys of a kind from months before one, within the caller's transaction; returns how many.
   *
   * @param before a month in UTC, `2026-11`
   */
  erase(tenant: string, kind: string, before: string, limit: number): number {
    return Number(this.#statements.erase.run({ tenant, kind, before, limit }).changes)
  }
}

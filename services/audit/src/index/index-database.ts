import type { Database, Tables } from './schema.ts'

/** Where the index is kept, with connections for its two users: who follows the log, and who asks. */
export interface IndexDatabase {
  readonly kind: 'embedded' | 'postgres'
  /** What was in it is gone since it was opened: whoever follows the log must open it anew. */
  readonly lost: boolean
  /** For the one who writes. */
  readonly writer: Database
  /** For queries; each is stopped when it takes too long. */
  readonly reader: Database
  /** What a database does for itself where it has a process for it: statistics, and giving back the room of deleted rows. */
  maintain(): Promise<void>
  /**
   * Takes content that was deleted out of the files of tables and, where it is its own, of the write-ahead log. Tables are written anew: pages
   * keep what was deleted until something else needs the room, and an index of words keeps every word that ever was.
   */
  forgetDeleted(): Promise<void>
  /** Gives up what is there, because it cannot be read; the next to open it begins anew. */
  discard(): Promise<void>
  close(): Promise<void>
}

/** Thrown for a query that was stopped because it took too long. */
export class TooSlow extends Error {
  override name = 'TooSlow'
}

/** Longest time of one query, in ms. */
export const queryTimeoutMs = 5000

/** Tables with something of the content of calls. */
export const contentTables = ['argument_words', 'calls'] as const satisfies (keyof Tables)[]

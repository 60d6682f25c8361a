import type { EntryPlace } from '@countersign/tlog'
import type { RecordText } from '../record/record-text.ts'
import type { StreamPositions } from './stream-position.ts'

/** One entry of a tenant's log: its index and the JSON of its `SealedRecord`. */
export interface LogEntry {
  tenant: string
  index: number
  text: string
}

/** An entry just sealed. */
export interface Sealed extends LogEntry {
  record: RecordText
}

/** An entry with where it is, so that it can be read again by itself. */
export interface PlacedEntry extends LogEntry {
  place: EntryPlace
}

/** The log of one tenant, for reading. */
export interface TenantLog {
  /** Number of entries; the next one gets this index. */
  readonly size: number
  /** Root hash of the tree. */
  readonly root: Buffer
  readonly sealedAt: Date | undefined
  /** Entries from an index on, at most `count` and about 8 MiB; at least one where there is one. */
  read(fromIndex: number, count: number): Promise<PlacedEntry[]>
  /** The entries at some places, which are in order: up or down. */
  readEach(places: readonly EntryPlace[]): AsyncIterable<LogEntry>
  /** Entries newest first, from the one before `before` on. */
  backward(before: number): AsyncIterable<LogEntry>
}

/** The audit log: append-only, one tree a tenant. One process writes it. */
export interface Log {
  /** Records in all trees. */
  readonly size: number
  /** Up to here everything of each stream is sealed, whoever's it is. */
  readonly last: StreamPositions
  readonly tenants: readonly string[]
  /** Of a tenant without records, an empty one. */
  tree(tenant: string): TenantLog
  /**
   * Appends records of one stream in order; resolves when they are durable. A record that is in its tree already, because an append failed
   * half-way or audit stopped, is not appended again, but is among what is returned.
   *
   * @throws Error when they cannot be written; the same records may be appended again
   */
  append(records: readonly RecordText[]): Promise<Sealed[]>
  /** Has a key that was added sign the newest checkpoint of every tree; nothing is done where all have. Not beside an append. */
  renew(): Promise<void>
  close(): Promise<void>
}

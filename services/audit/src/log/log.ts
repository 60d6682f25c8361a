import type { RecordText } from '../record/record-text.ts'

/** One entry of the log: its index and the JSON of its `SealedRecord`. */
export interface LogEntry {
  index: number
  text: string
}

/** An entry just sealed. */
export interface Sealed extends LogEntry {
  record: RecordText
}

/** An append-only log that shows when it was changed. One process writes it. */
export interface Log {
  /** Number of entries; the next one gets this index. */
  readonly size: number
  /** What the next entry builds on: the hash of the last one. */
  readonly head: string
  /** Where the last record came from. */
  readonly last: { seq: number; created: string } | undefined
  readonly sealedAt: Date | undefined
  /** Bytes of all entries on disk. */
  readonly bytes: number
  /**
   * Appends records in order, all or none; resolves when they are on disk.
   *
   * @throws Error when they cannot be written; the log is as it was before and the same records may be appended again
   */
  append(records: readonly RecordText[]): Promise<Sealed[]>
  /** Entries from an index on, at most `count` and about 8 MiB; at least one where there is one. */
  read(fromIndex: number, count: number): Promise<LogEntry[]>
  /** Entries newest first, from the one before `before` on. */
  backward(before: number): AsyncIterable<LogEntry>
  /** Everything is on disk already; writes what is written only now and then, and lets go. */
  close(): Promise<void>
}

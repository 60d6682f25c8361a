import type { SealedRecord } from '@countersign/contracts'

/** Writes records to a file, in the order in which they come. */
export interface RecordWriter {
  write(records: readonly SealedRecord[]): Promise<void>
  /** Writes what is left; the file is whole then. */
  finish(): Promise<void>
  /** Lets go of the file as it is. */
  close(): Promise<void>
}

import type { ExportedRecord } from './open-entry.ts'

/** Records that are sent at once. */
export interface Batch {
  /** The same for the same records, also when they are sent again; letters, digits, `_` and `-`. */
  id: string
  tenant: string
  records: readonly ExportedRecord[]
}

/** That a target took only a part. */
export interface OnlyPart {
  onlyPart: string
  /** What it said of that itself; it may repeat what it was sent. */
  answer: string
}

/** Batches that are on their way to one target at once, each of another tenant. */
export const batchesAtOnce = 4

/** A way to a target. Of each tenant one batch is sent at a time, of all tenants `batchesAtOnce`. */
export interface Driver {
  /** Batches are cut where this changes. */
  partitionOf?: (record: ExportedRecord) => string
  /**
   * Sends a batch; resolves when the target has said that it has it.
   *
   * @returns that it took only a part and does not want the rest, where it said so without naming which
   * @throws Refused for what this target will never take, Gone when it wants nothing any more, TryLater or any other error for what may be
   *   sent again
   */
  send(batch: Batch, signal: AbortSignal): Promise<OnlyPart | undefined>
  close(): void
}

/** Thrown when a target refuses what it was sent, and would again. */
export class Refused extends Error {
  override name = 'Refused'
  /** What the target said itself; it may repeat what it was sent. */
  readonly answer: string

  constructor(message: string, answer: string) {
    super(message)
    this.answer = answer
  }
}

/** Thrown when a target says that it wants nothing any more. */
export class Gone extends Error {
  override name = 'Gone'
}

/** Thrown when a target says when it wants to be asked again. */
export class TryLater extends Error {
  override name = 'TryLater'
  readonly afterMs: number

  constructor(message: string, afterMs: number) {
    super(message)
    this.afterMs = afterMs
  }
}

import type { AuditQuery, CallView, SealedRecord } from '@countersign/contracts'

/**
 * Finds records and calls. Answers are newest first and bounded; `next` is where to go on (as `before`), null at the end. A page
 * may hold fewer entries than asked for, even none, and still have a next one.
 */
export interface RecordIndex {
  records(query: AuditQuery): Promise<{ records: SealedRecord[]; next: number | null }>
  /** One row a call, at the place of its newest event or, with `outcome`, of the newest event of that name. */
  calls(query: AuditQuery): Promise<{ calls: CallView[]; next: number | null }>
}

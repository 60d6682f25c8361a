import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { CallId, DnsLabel } from '../subjects.ts'

/** On whose behalf calls are made: the principal's id. */
export const Subject = z.string().min(1).max(256)
export const Reason = z.string().min(1).max(2000)

/** A legal hold: while it is there, nothing of its subject is erased. */
export const HoldView = z.object({
  id: z.int().positive(),
  tenant: DnsLabel,
  /** Null: the whole tenant. */
  subject: z.string().nullable(),
  /** There, it is over this call only, and `subject` is whose call it is. */
  callId: CallId.optional(),
  reason: z.string(),
  placedBy: z.string(),
  placedAt: Instant,
})
export type HoldView = z.infer<typeof HoldView>

/** What there is of a subject that could be erased. */
export const SubjectView = z.object({
  subject: z.string(),
  /** Keys by kind and month. */
  keys: z.array(z.object({ kind: z.string(), period: z.string() })),
  /** What keeps them from being erased. */
  hold: HoldView.nullable(),
})
export type SubjectView = z.infer<typeof SubjectView>

/** An erasure that was done. */
export const ErasureView = z.object({
  /** Of the activity that records it. */
  id: z.string(),
  subject: z.string(),
  reason: z.string(),
  by: z.string(),
  at: Instant,
  /** How many keys there were. */
  keys: z.int().nonnegative(),
  /** False: the search index or the record of it lags; both are caught up by themselves. */
  settled: z.boolean(),
})
export type ErasureView = z.infer<typeof ErasureView>

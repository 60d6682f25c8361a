import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { DnsLabel } from '../subjects.ts'
import { DocumentProblem } from './document-problem.ts'

/** How an export stands with the records of a tenant. */
export const ExportView = z.object({
  name: DnsLabel,
  /** Of its target: `webhook`, `otlp`, `syslog`, `s3`. */
  type: z.string(),
  /** `failing`: it is tried again. `blocked`: nothing more is sent until somebody does something. */
  state: z.enum(['waiting', 'sending', 'failing', 'blocked']),
  /** Index of the first record that the target has not acknowledged. */
  next: z.int().nonnegative(),
  lagRecords: z.int().nonnegative(),
  /** Age of that record. */
  lagSeconds: z.int().nonnegative(),
  /** Since audit started: records of the tenant that were sent, and tries of the export that failed. */
  sent: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  /** What the target refused for good, and the oldest of it. */
  dead: z.int().nonnegative(),
  deadLetters: z.array(
    z.object({ first: z.int().nonnegative(), last: z.int().nonnegative(), reason: z.string(), at: Instant }),
  ),
  problem: z.string().optional(),
  /** Since when, and what to do about it; there with `problem`. */
  since: Instant.optional(),
  remedy: z.string().optional(),
  lastSentAt: Instant.optional(),
})
export type ExportView = z.infer<typeof ExportView>

/** An export that does not get on with the records of a tenant. */
export const ExportTrouble = z.object({
  name: DnsLabel,
  tenant: DnsLabel,
  state: z.enum(['failing', 'blocked']),
  lagRecords: z.int().nonnegative(),
  problem: z.string(),
  since: Instant,
  remedy: z.string(),
})
export type ExportTrouble = z.infer<typeof ExportTrouble>

/** The exports of a tenant's records. */
export const ExportsView = z.object({
  exports: z.array(ExportView),
  /** What keeps documents from being in force; for the platform's tenant. */
  problems: z.array(DocumentProblem),
  /** Which do not get on: of the tenant, and for the platform's tenant of every one. 100 at most. */
  troubles: z.array(ExportTrouble).default([]),
})
export type ExportsView = z.infer<typeof ExportsView>

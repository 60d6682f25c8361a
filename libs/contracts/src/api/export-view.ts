import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { DnsLabel } from '../subjects.ts'

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
  lastSentAt: Instant.optional(),
})
export type ExportView = z.infer<typeof ExportView>

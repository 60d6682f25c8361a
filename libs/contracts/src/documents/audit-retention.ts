import { z } from 'zod'
import { DnsLabel } from '../subjects.ts'

/** How long content is kept, counted from the end of the month in which its call began, or the activity was stored. */
const Keep = z.string().regex(/^([1-9][0-9]{0,4}d|forever)$/, 'must be a whole number of days, like 90d, or forever')

/** Kinds of content: what the rules of what is personal speak of. A kind that is not named is kept. */
const KeepByKind = z.strictObject({
  arguments: Keep.optional(),
  result: Keep.optional(),
  facts: Keep.optional(),
  event: Keep.optional(),
  activity: Keep.optional(),
})
export type KeepByKind = z.infer<typeof KeepByKind>

/** How long the content of audit records is kept. Strict: an unknown key is an error. */
export const AuditRetention = z.strictObject({
  apiVersion: z.literal('countersign.dev/v1alpha1'),
  kind: z.literal('AuditRetention'),
  metadata: z.strictObject({ name: z.string().min(1).max(253) }),
  spec: z.strictObject({
    default: KeepByKind.default({}),
    /** By tenant; what it does not name is as in `default`. */
    tenants: z.record(DnsLabel, KeepByKind).default({}),
  }),
})
export type AuditRetention = z.infer<typeof AuditRetention>

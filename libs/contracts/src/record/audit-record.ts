import { z } from 'zod'
import { Instant } from '../call/common.ts'
import { JsonObjectSchema } from '../json.ts'
import { CallId, DnsLabel } from '../subjects.ts'

/** What audit seals: one event of a call, with the place in the stream it came from so that gaps show. */
export const AuditRecord = z.object({
  version: z.literal(1),
  tenant: DnsLabel,
  server: DnsLabel,
  callId: CallId,
  event: z.string(),
  /** When the event was stored, and its sequence in `CALLS`. */
  storedAt: Instant,
  stream: z.object({
    seq: z.int().positive(),
    /** When the stream was created: a stream made anew counts from 1 again. */
    created: z.string(),
  }),
  /** The CloudEvent as it was stored. */
  cloudEvent: JsonObjectSchema.meta({ type: 'object' }),
})
export type AuditRecord = z.infer<typeof AuditRecord>

/** A record with its place in the log, as `AUDIT` carries it and queries return it. */
export const SealedRecord = z.object({
  /** Place in the log, from 0, without gaps. */
  index: z.int().nonnegative(),
  /** Hash of the entry before; 64 zeros for the first. */
  previous: z.string(),
  /** SHA-256 over `previous`, a line feed and the canonical record. */
  hash: z.string(),
  record: AuditRecord,
})
export type SealedRecord = z.infer<typeof SealedRecord>
